import Glibc

/// Tells one state of a file from another without reading it.
public struct FileMark: Hashable, Sendable {
    private let device: UInt64
    private let node: UInt64
    private let size: Int64
    private let changed: [Int]

    /// Follows links, because Kubernetes exchanges a link to replace files. `nil` if there is no such file.
    public init?(_ path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        device = UInt64(info.st_dev)
        node = UInt64(info.st_ino)
        size = Int64(info.st_size)
        changed = [info.st_mtim.tv_sec, info.st_mtim.tv_nsec]
    }
}
