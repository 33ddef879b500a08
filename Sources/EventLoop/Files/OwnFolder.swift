import Glibc

/// A folder that belongs to this process' user, held open.
///
/// In a folder that others may write to, such as /tmp, a name can be exchanged for a link between two looks. Everything
/// here works on the open folder, follows no link, and touches only what belongs to the user.
public struct OwnFolder: ~Copyable {
    /// Most folders within folders that `empty` enters: each takes a descriptor.
    public static let depthMax = 64

    private let descriptor: Int32

    /// Nil where there is no folder of that name, or a link to one, or another user's.
    public init?(_ path: String) { self.init(path, in: AT_FDCWD) }

    private init?(_ name: String, in parent: Int32) {
        let descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_uid == geteuid() else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// The whole file as text; nil where it is no file of the user's, cannot be read, or is longer.
    public func read(_ name: String, bytesMax: Int) -> String? {
        // Without O_NONBLOCK a pipe of that name would keep the process waiting.
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var info = stat()
        guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_uid == geteuid() else { return nil }
        return Files.readBytes(from: file, bytesMax: bytesMax).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Removes all in it that belongs to the user. Another user's files and folders stay, and so do the folders around them.
    public func empty() { empty(levels: OwnFolder.depthMax) }

    private func empty(levels: Int) {
        for name in names() {
            if let inner = OwnFolder(name, in: descriptor) {
                guard levels > 0 else { continue }
                inner.empty(levels: levels - 1)
                unlinkat(descriptor, name, AT_REMOVEDIR)
            } else {
                OwnFolder.unlinkOwn(name, in: descriptor)
            }
        }
    }

    /// Removes a file or link of the user's; never a folder.
    static func unlinkOwn(_ name: String, in parent: Int32 = AT_FDCWD) {
        var info = stat()
        guard fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0, info.st_uid == geteuid() else { return }
        unlinkat(parent, name, 0)
    }

    private func names() -> [String] {
        // `closedir` closes the descriptor that it was given.
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return [] }
        guard let folder = fdopendir(copy) else {
            close(copy)
            return []
        }
        rewinddir(folder)
        return Files.names(closing: folder)
    }
}
