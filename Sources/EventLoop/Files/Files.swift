import Glibc

/// The few file operations that processes, benchmarks and tests need. They block: use them at start and end, not on the
/// data path.
public enum Files {
    /// True if a file or folder of that name exists. Follows links.
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// True for a file that this user may execute.
    public static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 && !isFolder(path) }

    /// True for a folder, but not for a link to a folder.
    public static func isFolder(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    /// Finds a program as a shell does: a name with a slash is a path, any other name is searched in the folders of
    /// `path`.
    public static func program(_ name: String, path: String) -> String? {
        if name.contains("/") { return isExecutable(name) ? name : nil }
        return path.split(separator: ":").lazy.map { "\($0)/\(name)" }.first { isExecutable($0) }
    }

    /// Names in a folder, without `.` and `..`; empty if the folder cannot be read.
    public static func entries(_ path: String) -> [String] {
        opendir(path).map(names(closing:)) ?? []
    }

    /// Names in an open folder, without `.` and `..`. Closes the folder.
    static func names(closing folder: OpaquePointer) -> [String] {
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// The whole file as text; nil if it cannot be read or is longer than `bytesMax`.
    public static func read(_ path: String, bytesMax: Int) -> String? {
        readBytes(path, bytesMax: bytesMax).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The whole file; nil if it cannot be read or is longer than `bytesMax`.
    public static func readBytes(_ path: String, bytesMax: Int) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return readBytes(from: file, bytesMax: bytesMax)
    }

    static func readBytes(from file: Int32, bytesMax: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0 { return nil }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            if bytes.count > bytesMax { return nil }
        }
    }

    /// Writes a file that only this user can read. False if that fails, or if the name is a link; `errno` has the
    /// reason.
    public static func write(_ path: String, _ content: String) -> Bool {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        let bytes = Array(content.utf8)
        return Glibc.write(file, bytes, bytes.count) == bytes.count
    }

    /// Makes a folder that only this user can enter. True also if the user already has a folder of that name.
    public static func makeFolder(_ path: String) -> Bool {
        if mkdir(path, 0o700) == 0 { return true }
        let failure = errno
        guard failure == EEXIST, OwnFolder(path) != nil else {
            errno = failure
            return false
        }
        return true
    }

    /// Removes a file, or a folder with its contents, if it belongs to this user. Links are removed, not followed.
    public static func remove(_ path: String) {
        guard let folder = OwnFolder(path) else { return OwnFolder.unlinkOwn(path) }
        folder.empty()
        rmdir(path)
    }
}
