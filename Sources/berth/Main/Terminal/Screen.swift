import Glibc

/// The terminal while `berth top` draws on it: the other screen, without a cursor, and keys that come without Return and
/// are not shown.
///
/// `leave` makes the terminal what it was. A crash does so too. After SIGKILL, `reset` does it.
final class Screen {
    private static let enterCodes: StaticString = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leaveCodes: StaticString = "\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l"

    /// The terminal's attributes as they were first. A handler of signals may read them, because they never change.
    private static let before: termios? = {
        var attributes = termios()
        return tcgetattr(STDOUT_FILENO, &attributes) == 0 ? attributes : nil
    }()

    private var isEntered = false

    /// Columns and rows.
    static var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    func enter() {
        guard var attributes = Screen.before else { return }
        if !isEntered { Screen.restoreAtCrashes() }
        isEntered = true
        attributes.c_lflag &= ~tcflag_t(ICANON | ECHO)
        withUnsafeMutableBytes(of: &attributes.c_cc) {
            $0[Int(VMIN)] = 1
            $0[Int(VTIME)] = 0
        }
        tcsetattr(STDOUT_FILENO, TCSANOW, &attributes)
        Screen.write(Screen.enterCodes)
    }

    /// Idempotent.
    func leave() {
        guard isEntered else { return }
        isEntered = false
        Screen.restore()
    }

    /// Draws all lines. False if the terminal is gone.
    func draw(_ lines: [String]) -> Bool {
        Screen.write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }

    /// Writes all of the text to standard output. False if nobody can read it any more.
    static func write(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return false }
            rest = rest.dropFirst(max(0, count))
        }
        return true
    }

    private static func write(_ codes: StaticString) {
        _ = Glibc.write(STDOUT_FILENO, codes.utf8Start, codes.utf8CodeUnitCount)
    }

    /// Makes only calls that a handler of signals may make.
    private static func restore() {
        write(leaveCodes)
        if var attributes = before { tcsetattr(STDOUT_FILENO, TCSANOW, &attributes) }
    }

    private static func restoreAtCrashes() {
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV] {
            _ = signal(number) { number in
                Screen.restore()
                _ = signal(number, SIG_DFL)
                raise(number)
            }
        }
    }
}
