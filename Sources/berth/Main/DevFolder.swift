import Glibc

/// The temporary folder of one `berth dev`, and what earlier ones that were killed left behind.
struct DevFolder {
    /// Short: a unix socket's path has at most 107 bytes.
    private static let parent = "/tmp"

    let path: String
    var socket: String { "\(path)/redis.sock" }

    /// What a worker of this process should be called: its folders then carry the process id too.
    static var node: String { "dev-\(getpid())" }

    init() throws {
        var template = Array("\(DevFolder.parent)/berth-dev-\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Fatal("cannot make a folder in \(DevFolder.parent): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() { DevFolder.remove(path) }

    /// Removes the folders of dead processes.
    static func sweep() {
        for name in entries(of: parent) {
            for prefix in ["berth-dev-", "berth-sidecars.dev-"] where name.hasPrefix(prefix) {
                let digits = name.dropFirst(prefix.count).prefix { $0.isNumber }
                guard let pid = Int32(digits), kill(pid, 0) != 0, errno == ESRCH else { continue }
                remove("\(parent)/\(name)")
            }
        }
    }

    static func entries(of path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a tree; never follows a symbolic link out of it.
    private static func remove(_ path: String) {
        if unlink(path) == 0 { return }
        for name in entries(of: path) { remove("\(path)/\(name)") }
        rmdir(path)
    }
}
