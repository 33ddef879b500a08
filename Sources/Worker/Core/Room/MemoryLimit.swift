/// The memory of a sidecar against the setting `memoryMax` of its pool.
public enum MemoryLimit: Hashable, Sendable {
    case kept
    /// Above the limit: it is replaced after its sessions.
    case exceeded
    /// Above twice the limit: it is killed.
    case exceededTwice

    /// - Parameter most: nil for no limit.
    public init(bytes: UInt64, most: UInt64?) {
        guard let most, bytes > most else {
            self = .kept
            return
        }
        self = bytes - most > most ? .exceededTwice : .exceeded
    }

    /// The memory of a sidecar, in bytes: the pages that each of its processes has alone, and the shared pages of the
    /// process with the most of them. Most shared pages are of the same program, so a sum would count them once for each
    /// process.
    public static func bytes(of processes: [ProcessMemory]) -> UInt64 {
        processes.reduce(0) { $0 + $1.ownBytes } + (processes.lazy.map(\.sharedBytes).max() ?? 0)
    }
}

/// All processes of a sidecar.
public struct SidecarSize: Hashable, Sendable {
    public let processes: Int
    public let memoryBytes: UInt64

    public init(processes: Int, memoryBytes: UInt64) {
        self.processes = processes
        self.memoryBytes = memoryBytes
    }
}

/// The resident memory of a process.
public struct ProcessMemory: Hashable, Sendable {
    public let ownBytes: UInt64
    /// Pages of files, and memory shared with other processes.
    public let sharedBytes: UInt64

    public init(ownBytes: UInt64, sharedBytes: UInt64) {
        self.ownBytes = ownBytes
        self.sharedBytes = sharedBytes
    }

    /// Reads `/proc/<pid>/statm` (proc(5)): size, resident, shared, in pages.
    public init?(statm: String, pageBytes: UInt64) {
        let fields = statm.split(separator: " ").prefix(3).compactMap { UInt64($0) }
        guard fields.count == 3, fields[1] <= fields[0], fields[2] <= fields[1] else { return nil }
        ownBytes = (fields[1] - fields[2]) * pageBytes
        sharedBytes = fields[2] * pageBytes
    }
}
