import EventLoop
import Glibc
import WorkerCore

/// The system's table of processes, read from /proc. A read may block behind a stuck process, so never read on the
/// loop.
enum ProcessTable {
    /// All living processes, without zombies.
    static func rows() -> [ProcessRow] {
        Files.entries("/proc").compactMap { name in Int32(name).flatMap { row(of: $0) } }
    }

    /// The processes and their memory. One that is gone by now has none.
    static func size(of pids: [Int32]) -> SidecarSize {
        let page = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        let memory = pids.compactMap { pid in
            Files.read("/proc/\(pid)/statm", bytesMax: 4_096).flatMap { ProcessMemory(statm: $0, pageBytes: page) }
        }
        return SidecarSize(processes: pids.count, memoryBytes: MemoryLimit.bytes(of: memory))
    }

    /// nil for a process that is gone or a zombie.
    static func row(of pid: Int32) -> ProcessRow? {
        guard let stat = Files.read("/proc/\(pid)/stat", bytesMax: 4_096), let end = stat.lastIndex(of: ")") else {
            return nil
        }
        // After the name: state is field 3, then parent, group, session; the start time is field 22 (proc(5)).
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count >= 20, fields[0] != "Z", fields[0] != "X", let parent = Int32(fields[1]),
            let session = Int32(fields[3]), let start = UInt64(fields[19])
        else { return nil }
        return ProcessRow(pid: pid, parent: parent, session: session, start: start)
    }
}
