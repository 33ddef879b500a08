import EventLoop
import Glibc

/// A folder of one test, gone with it.
public final class TemporaryFolder {
    public let path: String

    public init() throws {
        var template = Array("/tmp/berth-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw SystemError(code: -errno, operation: "mkdtemp") }
        path = String(cString: made)
    }

    deinit {
        guard let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { unlink(path + "/" + name) }
        }
        closedir(folder)
        rmdir(path)
    }
}
