import EventLoop
import Glibc
import Metrics

/// Metrics that every process has: its loop's lag, its CPU time, memory and files.
final class ProcessMeter {
    private static let lagBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
    /// Between two measurements of the lag.
    private static let tickMilliseconds: UInt64 = 500

    private let log: EventLog
    private let startSeconds: Double
    private var lag = HistogramTable(
        "berth_event_loop_lag_seconds", "How late the loop calls a timer.", bounds: lagBounds)
    private var timer: Timer?
    /// The processor time of the machine at the last look.
    private var cpuBefore: (busy: UInt64, all: UInt64)?

    init(loop: Loop, log: EventLog) {
        self.log = log
        startSeconds = Double(EventLog.millisecondsSince1970()) / 1_000
        var due = loop.now + ProcessMeter.tickMilliseconds
        timer = loop.schedule(after: ProcessMeter.tickMilliseconds, repeating: ProcessMeter.tickMilliseconds) {
            [self] in
            lag.observe(Double(loop.now > due ? loop.now - due : 0) / 1_000)
            due = loop.now + ProcessMeter.tickMilliseconds
        }
    }

    func close() { timer?.cancel() }

    func families(role: String, version: String, fleet: String) -> [MetricFamily] {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
        return [
            MetricFamily(
                "berth_build_info", .gauge, "1, with the version, the role and the fleet of this process.",
                samples: [
                    .init(1, labels: [.init("version", version), .init("role", role), .init("fleet", fleet)])
                ]),
            lag.family,
            .counter(
                "berth_log_lines_lost_total", "Log lines that the reader had no room for.",
                UInt64(log.linesLost + log.linesCut)),
            MetricFamily(
                "process_cpu_seconds_total", .counter, "User and system time.",
                samples: [.init(seconds(usage.ru_utime) + seconds(usage.ru_stime))]),
            .gauge("process_resident_memory_bytes", "Resident memory.", ProcessMeter.residentBytes()),
            .gauge("process_open_fds", "Open file descriptors.", ProcessMeter.openDescriptors()),
            .gauge("process_max_fds", "The limit of open file descriptors.", SystemLimits.openFilesLimit()),
            .gauge("process_start_time_seconds", "Start of the process, seconds since 1970.", seconds: startSeconds),
        ]
    }

    private static func residentBytes() -> Int {
        let pages =
            Files.read("/proc/self/statm", bytesMax: 65_536)?.split(separator: " ").dropFirst().first.flatMap {
                Int($0)
            } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func openDescriptors() -> Int {
        // The folder itself is open meanwhile.
        Files.entries("/proc/self/fd").count - 1
    }

    /// How busy the machine's processors were since the last call, in percent; nil at the first one.
    func cpuPercent() -> Int? {
        let line = Files.read("/proc/stat", bytesMax: 65_536)?.split(separator: "\n").first
        let numbers = line?.split(separator: " ").dropFirst().compactMap { UInt64($0) } ?? []
        guard numbers.count > 4 else { return nil }
        let all = numbers.reduce(0, +)
        let busy = all - numbers[3] - numbers[4]
        defer { cpuBefore = (busy, all) }
        guard let before = cpuBefore, all > before.all else { return nil }
        return Int((busy - min(before.busy, busy)) * 100 / (all - before.all))
    }

    /// How much of the machine's memory is not available, in percent.
    static func memoryPercent() -> Int? {
        var fields: [Substring: Int] = [:]
        for line in Files.read("/proc/meminfo", bytesMax: 65_536)?.split(separator: "\n") ?? [] {
            let words = line.split(separator: " ")
            if words.count > 1 { fields[words[0]] = Int(words[1]) }
        }
        guard let total = fields["MemTotal:"], total > 0, let available = fields["MemAvailable:"] else { return nil }
        return (total - available) * 100 / total
    }
}
