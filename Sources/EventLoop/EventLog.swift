import Glibc

/// Log lines: one JSON object a line (RFC 8259), or text for people. Each is written at once, or lost and counted.
///
/// Each JSON line begins with `ts` (RFC 3339, milliseconds, UTC), `level`, `event` and `msg`. The common fields of the log
/// follow, then the fields of the line. Callers never pass tokens, keys or query strings.
public final class EventLog {
    /// The severity of a line, lowest first.
    public enum Level: Int, Comparable, CaseIterable {
        case debug, info, warning, error

        var name: String {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }

        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    }

    public enum Format: String, CaseIterable {
        case json, text
    }

    /// A value of a field. Strings may hold anything: they are escaped, and cut at 1,024 bytes.
    public enum Field: Hashable {
        case text(String)
        case number(Int)
        case decimal(Double)
        case flag(Bool)
    }

    public static let textMax = 1_024

    /// How much of a line was written.
    enum Outcome {
        case whole, cut, lost
    }

    public var minimum: Level
    public var format = Format.json
    /// Fields of every line, such as the process' id.
    public var common: [(String, Field)] = []
    /// Lines since the start that were not written, because the reader is gone or does not read.
    public private(set) var linesLost = 0
    /// Lines since the start that were written without their end, for the same reason.
    public private(set) var linesCut = 0
    /// The counts at the last line `log_lost`.
    private var reported = (lost: 0, cut: 0)
    /// True after a line without its end: the next one must begin with a newline.
    private var isWithinLine = false
    private let write: ([UInt8]) -> Outcome
    /// The timestamp of the last line up to its second, because most lines have the same second as the line before.
    private var second: (since1970: Int, text: [UInt8]) = (-1, [])

    /// - Parameter file: a descriptor. A line for which it has no room is lost, because a reader that does not read
    ///   must not stop the process.
    public convenience init(minimum: Level = .info, to file: Int32 = 1) {
        self.init(minimum: minimum, outcome: { EventLog.write($0, to: file) })
    }

    /// - Parameter write: takes one whole line with its newline.
    public convenience init(minimum: Level = .info, write: @escaping ([UInt8]) -> Void) {
        self.init(
            minimum: minimum,
            outcome: { line in
                write(line)
                return .whole
            })
    }

    private init(minimum: Level, outcome write: @escaping ([UInt8]) -> Outcome) {
        self.minimum = minimum
        self.write = write
    }

    /// Writes one line. A field whose value is nil is left out.
    public func log(
        _ level: Level, _ event: String, _ message: String, _ fields: KeyValuePairs<String, Field?> = [:]
    ) {
        guard level >= minimum else { return }
        guard reportLost() else {
            linesLost += 1
            return
        }
        switch put(line(level, event, message, fields)) {
        case .whole: break
        case .lost: linesLost += 1
        case .cut: linesCut += 1
        }
    }

    /// Writes a line `log_lost` if lines were lost or cut since the last one.
    /// - Returns: false if there is still no room.
    private func reportLost() -> Bool {
        let (lost, cut) = (linesLost - reported.lost, linesCut - reported.cut)
        guard lost + cut > 0 else { return true }
        let words = line(
            .warning, "log_lost", "the reader of the log did not read: lines were lost, or lack their end",
            ["lost": .number(lost), "cut": .number(cut)])
        guard put(words) == .whole else { return false }
        reported = (linesLost, linesCut)
        return true
    }

    private func put(_ line: [UInt8]) -> Outcome {
        let outcome = write(isWithinLine ? [UInt8(ascii: "\n")] + line : line)
        if outcome != .lost { isWithinLine = outcome == .cut }
        return outcome
    }

    private func line(
        _ level: Level, _ event: String, _ message: String, _ fields: KeyValuePairs<String, Field?>
    ) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        switch format {
        case .json:
            line += "{\"ts\":\"".utf8
            appendTimestamp(to: &line)
            line += "\",\"level\":\"".utf8
            line += level.name.utf8
            line.append(UInt8(ascii: "\""))
            append("event", .text(event), to: &line)
            append("msg", .text(message), to: &line)
        case .text:
            appendTimestamp(to: &line)
            line += " \(EventLog.padded(level.name)) \(event): ".utf8
            EventLog.appendEscaped(message, to: &line)
        }
        for (name, field) in common { append(name, field, to: &line) }
        for (name, field) in fields {
            if let field { append(name, field, to: &line) }
        }
        line += (format == .json ? "}\n" : "\n").utf8
        return line
    }

    /// The names of levels in one width.
    private static func padded(_ level: String) -> String {
        level + String(repeating: " ", count: max(0, 7 - level.count))
    }

    private func append(_ name: String, _ field: Field, to line: inout [UInt8]) {
        switch format {
        case .json:
            // Names are words of the code, which need no escape.
            line.append(UInt8(ascii: ","))
            line.append(UInt8(ascii: "\""))
            line += name.utf8
            line.append(UInt8(ascii: "\""))
            line.append(UInt8(ascii: ":"))
        case .text:
            line += " \(name)=".utf8
        }
        switch field {
        case .text(let text) where format == .text && EventLog.isPlain(text): line += text.utf8
        case .text(let text): EventLog.append(text: text, to: &line)
        case .number(let number): line += String(number).utf8
        case .decimal(let number): line += Array((number.isFinite ? String(number) : "null").utf8)
        case .flag(let flag): line += Array((flag ? "true" : "false").utf8)
        }
    }

    /// True for a value that needs no quotes in a line of text.
    private static func isPlain(_ text: String) -> Bool {
        (1...textMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C && $0 != 0x3D }
    }

    private static func append(text: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        appendEscaped(text, to: &line)
        line.append(UInt8(ascii: "\""))
    }

    private static func appendEscaped(_ text: String, to line: inout [UInt8]) {
        // Nearly all texts need no escape. A copy of the whole text takes a tenth of the time of a copy by character.
        let isPlain = text.utf8.withContiguousStorageIfAvailable { bytes in
            guard bytes.count <= textMax, bytes.allSatisfy({ $0 &- 0x20 < 0x5F && $0 != 0x22 && $0 != 0x5C }) else {
                return false
            }
            line.append(contentsOf: bytes)
            return true
        }
        if isPlain == true { return }
        var bytes = 0
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            if bytes > textMax { break }
            switch scalar {
            case "\"", "\\":
                line += [UInt8(ascii: "\\"), UInt8(scalar.value)]
            case "\u{0}"..<" ", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                line += Array(("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
            default:
                line += Array(UTF8.encode(scalar)!)
            }
        }
    }

    /// The wall clock in the form of `ts`, for readers only.
    /// - Parameter milliseconds: a time from now.
    public static func timestamp(in milliseconds: Int = 0) -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let (seconds, rest) = (now.tv_nsec / 1_000_000 + milliseconds).quotientAndRemainder(dividingBy: 1_000)
        return "\(text(ofSecond: now.tv_sec + seconds)).\(pad(rest, 3))Z"
    }

    /// The wall clock in milliseconds, for readers only.
    public static func millisecondsSince1970() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec / 1_000_000)
    }

    /// The wall clock, for readers only: no decision depends on it.
    private func appendTimestamp(to line: inout [UInt8]) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        if now.tv_sec != second.since1970 { second = (now.tv_sec, Array(EventLog.text(ofSecond: now.tv_sec).utf8)) }
        line += second.text
        line += ".\(EventLog.pad(now.tv_nsec / 1_000_000, 3))Z".utf8
    }

    private static func text(ofSecond second: Int) -> String {
        var second = second
        var parts = tm()
        gmtime_r(&second, &parts)
        let date = "\(pad(Int(parts.tm_year) + 1900, 4))-\(pad(Int(parts.tm_mon) + 1, 2))-\(pad(Int(parts.tm_mday), 2))"
        return "\(date)T\(pad(Int(parts.tm_hour), 2)):\(pad(Int(parts.tm_min), 2)):\(pad(Int(parts.tm_sec), 2))"
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Writes a line without blocking.
    ///
    /// A pipe with room takes `PIPE_BUF` bytes at once. A longer line is written in pieces, and is cut if a later piece
    /// finds no room.
    static func write(_ line: [UInt8], to file: Int32) -> Outcome {
        var written = 0
        while written < line.count {
            var count = -1
            if hasRoom(file) {
                let piece = min(line.count - written, pipeBytes)
                count = line.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, piece) }
                if count < 0 && errno == EINTR { continue }
            }
            guard count > 0 else { return written == 0 ? .lost : .cut }
            written += count
        }
        return .whole
    }

    /// PIPE_BUF (pipe(7)).
    private static let pipeBytes = 4_096

    private static func hasRoom(_ file: Int32) -> Bool {
        var look = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        return poll(&look, 1, 0) == 1 && look.revents & Int16(POLLOUT) != 0
    }
}
