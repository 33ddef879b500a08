import Glibc

/// A folder that belongs to this process' user, kept open.
///
/// If other users may write to the folder around it, such as /tmp, they can replace a name by a link between two calls.
/// So all functions here work on the open folder, follow no link, and touch only what belongs to the user.
public struct OwnFolder: ~Copyable {
    /// Most nested folders that `empty` enters. Each level takes a file descriptor.
    public static let depthMax = 64

    private let descriptor: Int32

    /// Nil if there is no folder of that name, if the name is a link, or if the folder belongs to another user.
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

    /// The whole file as text; nil if it is not a file of the user, cannot be read, or is longer than `bytesMax`.
    public func read(_ name: String, bytesMax: Int) -> String? {
        // Without O_NONBLOCK, opening a pipe of that name would block the process.
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var info = stat()
        guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_uid == geteuid() else { return nil }
        return Files.readBytes(from: file, bytesMax: bytesMax).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Makes a file that only the user can read, and opens it for appending. Nil if that fails, or if the name is taken,
    /// by a link too; `errno` has the reason.
    public func create(_ name: String) -> Int32? {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let file = openat(descriptor, name, flags, 0o600)
        return file < 0 ? nil : file
    }

    /// A file of the user in the folder.
    public struct File: Hashable, Sendable {
        public let name: String
        public let bytes: Int
        /// The time of the last write, in seconds since 1970.
        public let writtenSecond: Int
    }

    /// The files that belong to the user, without links and folders.
    public func files() -> [File] {
        names().compactMap { name in
            var info = stat()
            guard fstatat(descriptor, name, &info, AT_SYMLINK_NOFOLLOW) == 0, info.st_uid == geteuid(),
                info.st_mode & S_IFMT == S_IFREG
            else { return nil }
            return File(name: name, bytes: Int(info.st_size), writtenSecond: info.st_mtim.tv_sec)
        }
    }

    /// Removes a file or link that belongs to the user; never a folder.
    public func remove(_ name: String) { OwnFolder.unlinkOwn(name, in: descriptor) }

    /// Removes a file of the user, unless a process has locked it (flock(2)).
    public func removeUnlocked(_ name: String) {
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        if flock(file, LOCK_EX | LOCK_NB) == 0 { remove(name) }
    }

    /// Removes everything in the folder that belongs to the user. Files and folders of other users stay, with the
    /// folders around them.
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

    /// Removes a file or link that belongs to the user; never a folder.
    static func unlinkOwn(_ name: String, in parent: Int32 = AT_FDCWD) {
        var info = stat()
        guard fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0, info.st_uid == geteuid() else { return }
        unlinkat(parent, name, 0)
    }

    private func names() -> [String] {
        // `closedir` also closes the descriptor that `fdopendir` received.
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
