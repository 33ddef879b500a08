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

    deinit { Files.remove(path) }
}
