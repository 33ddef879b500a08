import EventLoop
import Glibc
import HTTPCore
import Terminal

/// Standard output for people, or for programs.
enum Output {
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    /// True for a terminal that obeys escape codes.
    static var isScreen: Bool { isTerminal && !["", "dumb"].contains(Host.environment["TERM"] ?? "") }

    /// Colours are wanted: see https://no-color.org.
    static var isColoured: Bool { isScreen && (Host.environment["NO_COLOR"] ?? "").isEmpty }

    static func write(_ lines: [StyledLine]) {
        print(lines.map { $0.text(inColour: isColoured) }.joined(separator: "\n"))
    }

    /// Lines without a style, in which names and words may be those of strangers.
    static func write(plain lines: [String]) { print(lines.map(Printable.text).joined(separator: "\n")) }

    static func write(_ json: JSONValue) { write(json: json.text) }

    static func write(json text: String) { print(Printable.json(text)) }
}
