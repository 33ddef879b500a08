import EventLoop
import Glibc

/// Reads from `/proc` what other processes use.
enum ProcessSample {
    private static let ticksASecond = Double(sysconf(Int32(_SC_CLK_TCK)))

    /// The CPU seconds of the processes so far, user and system, in steps of the kernel's tick (10 ms).
    static func cpuSeconds(of pids: [Int]) -> Double {
        var ticks = 0
        for pid in pids {
            // Count the fields after the last `)`, because the second field, the name in parentheses, may have spaces.
            guard let stat = Files.read("/proc/\(pid)/stat", bytesMax: 4_096), let close = stat.lastIndex(of: ")")
            else { continue }
            let fields = stat[close...].split(separator: " ")
            ticks += (Int(fields[12]) ?? 0) + (Int(fields[13]) ?? 0)
        }
        return Double(ticks) / ticksASecond
    }

    /// The resident memory of a process; 0 if there is none.
    static func residentBytes(of pid: Int) -> Int {
        guard let text = Files.read("/proc/\(pid)/statm", bytesMax: 256) else { return 0 }
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    static func monotonicSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
