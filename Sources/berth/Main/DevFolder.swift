import EventLoop
import Glibc

/// The temporary folder of one `berth dev`, and what earlier ones that were killed left behind.
struct DevFolder {
    /// Short: a unix socket's path has at most 107 bytes.
    private static let parent = "/tmp"
    private static let prefix = "berth-dev-"

    let path: String
    var socket: String { "\(path)/redis.sock" }

    init() throws {
        var template = Array("\(DevFolder.parent)/\(DevFolder.prefix)\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Fatal("cannot make a folder in \(DevFolder.parent): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() { Files.remove(path) }

    /// Removes the folders of dead processes.
    static func sweep() {
        for name in Files.entries(parent) where name.hasPrefix(prefix) {
            let digits = name.dropFirst(prefix.count).prefix { $0.isNumber }
            guard let pid = Int32(digits), kill(pid, 0) != 0, errno == ESRCH else { continue }
            Files.remove("\(parent)/\(name)")
        }
    }
}
