import EventLoop
import Glibc
import WorkerCore

/// One look at the memory and the file systems of the machine. It may block, so never look on the loop.
struct MachineLook: Sendable {
    struct Seen: Sendable {
        /// nil if the kernel does not say.
        let availableBytes: UInt64?
        let folder: FreeSpace?
        let shm: FreeSpace?
    }

    /// Bytes of one file of the kernel.
    private static let fileBytesMax = 65_536
    static let shmPath = "/dev/shm"

    /// A folder on the file system of the work folder.
    let folder: String
    /// The sidecars are browsers.
    let looksAtShm: Bool

    func seen() -> Seen {
        Seen(
            availableBytes: MemoryReading.availableBytes(
                meminfo: MachineLook.read("/proc/meminfo"), groups: MachineLook.groups()),
            folder: MachineLook.space(of: folder), shm: looksAtShm ? MachineLook.space(of: MachineLook.shmPath) : nil)
    }

    private static func groups() -> [MemoryReading.Group] {
        MemoryReading.groupFolders(membership: read("/proc/self/cgroup")).map { folder in
            MemoryReading.Group(
                limit: read("\(folder)/memory.max"), usage: read("\(folder)/memory.current"),
                details: read("\(folder)/memory.stat"))
        }
    }

    /// Empty if there is no such file.
    private static func read(_ path: String) -> String { Files.read(path, bytesMax: fileBytesMax) ?? "" }

    private static func space(of folder: String) -> FreeSpace? {
        var info = statvfs()
        guard statvfs(folder, &info) == 0 else { return nil }
        // A server of a network file system may report any number.
        func bytes(_ blocks: UInt) -> UInt64 {
            let (bytes, isOver) = UInt64(blocks).multipliedReportingOverflow(by: UInt64(info.f_frsize))
            return isOver ? .max : bytes
        }
        return FreeSpace(
            freeBytes: bytes(info.f_bavail), totalBytes: bytes(info.f_blocks), freeFiles: UInt64(info.f_favail),
            totalFiles: UInt64(info.f_files))
    }
}
