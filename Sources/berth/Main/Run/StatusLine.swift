import EventLoop
import Glibc

/// The messages of `berth run` for its user, on standard error. On a terminal the wait is one line that is drawn again; in a log
/// it is a line now and then.
final class StatusLine {
    /// Between two lines of a wait in a log.
    static let logMilliseconds: UInt64 = 60_000

    private let loop: Loop
    let isTerminal = isatty(STDERR_FILENO) == 1
    private var isDrawn = false
    private var logged: UInt64?

    init(loop: Loop) { self.loop = loop }

    /// Shows how the wait stands.
    func wait(_ words: String) {
        if isTerminal {
            put("\r\u{1B}[K" + String("berth run: \(words)".prefix(width - 1)))
            isDrawn = true
            // Looks come a minute apart, and not to the millisecond.
        } else if logged.map({ loop.now - $0 >= StatusLine.logMilliseconds / 2 }) ?? true {
            logged = loop.now
            put("berth run: \(words)\n")
        }
    }

    /// Writes a line that stays.
    func say(_ words: String) {
        clear()
        put("berth run: \(words)\n")
    }

    /// Removes the line that is drawn again.
    func clear() {
        if isDrawn { put("\r\u{1B}[K") }
        isDrawn = false
    }

    private var width: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 80 }
        return Int(size.ws_col)
    }

    private func put(_ text: String) {
        _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    }
}
