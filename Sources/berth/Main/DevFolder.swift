import EventLoop
import Glibc
import WorkerCore

/// The temporary folder of a `berth dev`. Also removes the folders of earlier ones that were killed.
struct DevFolder {
    private static let prefix = "berth-dev-"
    /// The length of `/berth-dev-4194304-XXXXXX/redis.sock`.
    private static let addedBytesMax = 36

    let path: String
    var socket: String { "\(path)/redis.sock" }

    /// - Parameter parent: the folder for temporary files.
    init(in parent: String) throws {
        if let words = WorkFolderPath.objection(to: parent, added: DevFolder.addedBytesMax) { throw Fatal(words) }
        var template = Array("\(parent)/\(DevFolder.prefix)\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Fatal("cannot make a folder in \(parent): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() { Files.remove(path) }

    /// Removes the folders of this user whose processes are dead.
    static func sweep(_ parent: String) {
        for name in Files.entries(parent) where name.hasPrefix(prefix) {
            let digits = name.dropFirst(prefix.count).prefix { $0.isNumber }
            guard let pid = Int32(digits), kill(pid, 0) != 0, errno == ESRCH else { continue }
            Files.remove("\(parent)/\(name)")
        }
    }
}
