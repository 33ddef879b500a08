import Glibc

/// A file of Lua in pieces: one for each definition.
///
/// A definition begins at a line that starts with `local` or `function`, and ends before the next such line. The lines
/// after a seldom function, and those before the first definition, are pieces of their own. Comments and empty lines
/// are left out. Strings must be in single quotes.
struct LuaFile {
    struct Piece {
        /// The names that it defines. `local function name(`, `function name.field(`: name; `local one, other = …`: both.
        var names: [String] = []
        /// The ranges of its lines in `bytes`, without the line ends.
        var lines: [Range<Int>] = []
        var isSeldom = false
    }

    let bytes: [UInt8]
    private(set) var pieces: [Piece] = []
    /// The digits of each named number, `local NAME = 12`. Such a line is in no piece.
    private(set) var numbers: [String: [UInt8]] = [:]

    init(_ text: String) {
        let bytes = Array(text.utf8)
        self.bytes = bytes
        bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            while start < bytes.count {
                let end = Self.find("\n", in: bytes, start..<bytes.count) ?? bytes.count
                if end > start { add(start..<end, of: bytes) }
                start = end + 1
            }
        }
        pieces.removeAll(where: \.lines.isEmpty)
    }

    private mutating func add(_ line: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>) {
        if Self.begins(line, of: bytes, with: "--@seldom") {
            pieces.append(Piece(isSeldom: true))
        } else if Self.isComment(line, of: bytes) {
            return
        } else if Self.begins(line, of: bytes, with: "local ") || Self.begins(line, of: bytes, with: "function ") {
            let equals = Self.find("=", in: bytes, line)
            let names = Self.names(line.lowerBound..<(equals ?? line.upperBound), of: bytes)
            if let equals, let digits = Self.digits(equals + 1..<line.upperBound, of: bytes), names.count == 1,
                names[0] == names[0].uppercased()
            {
                numbers[names[0]] = digits
            } else if let last = pieces.last, last.isSeldom, last.lines.isEmpty {
                pieces[pieces.count - 1].names = names
                pieces[pieces.count - 1].lines = [line]
            } else {
                pieces.append(Piece(names: names, lines: [line]))
            }
        } else {
            if pieces.isEmpty { pieces.append(Piece()) }
            pieces[pieces.count - 1].lines.append(line)
            if pieces[pieces.count - 1].isSeldom, Self.begins(line, of: bytes, with: "end") { pieces.append(Piece()) }
        }
    }

    /// Calls `body` with each word of a line that is outside of strings, with its hash, and whether it is a field
    /// (`s.state`).
    static func forEachWord(
        in line: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>,
        _ body: (_ word: Range<Int>, _ hash: Int, _ isField: Bool) -> Void
    ) {
        var (at, isString) = (line.lowerBound, false)
        while at < line.upperBound {
            let byte = bytes[at]
            guard !isString && isOfWord(byte) else {
                if byte == UInt8(ascii: "'") { isString.toggle() }
                at += 1
                continue
            }
            let start = at
            var hash = 0
            while at < line.upperBound, isOfWord(bytes[at]) {
                hash = hash &* 31 &+ Int(bytes[at])
                at += 1
            }
            // `..` joins texts.
            let isField = start > 0 && bytes[start - 1] == dot && !(start > 1 && bytes[start - 2] == dot)
            body(start..<at, hash & (hashCount - 1), isField)
        }
    }

    /// Hashes are below this power of two.
    static var hashCount: Int { 4_096 }
    private static let dot = UInt8(ascii: ".")

    static func hash(_ word: String) -> Int { word.utf8.reduce(0) { $0 &* 31 &+ Int($1) } & (hashCount - 1) }

    static func text(_ range: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>) -> String {
        String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    private static func names(_ line: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>) -> [String] {
        var words: [String] = []
        forEachWord(in: line, of: bytes) { word, _, _ in words.append(text(word, of: bytes)) }
        guard let function = words.firstIndex(of: "function") else { return Array(words.dropFirst()) }
        return Array(words[(function + 1)...].prefix(1))
    }

    /// The digits of ` 12`; nil if there is anything else.
    private static func digits(_ range: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        let digits = bytes[range].drop { $0 == UInt8(ascii: " ") }
        let isNumber = !digits.isEmpty && digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        return isNumber ? Array(digits) : nil
    }

    private static func isComment(_ line: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var at = line.lowerBound
        while at < line.upperBound, bytes[at] == UInt8(ascii: " ") { at += 1 }
        return begins(at..<line.upperBound, of: bytes, with: "--")
    }

    private static func begins(_ line: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>, with text: StaticString)
        -> Bool
    {
        line.count >= text.utf8CodeUnitCount
            && memcmp(bytes.baseAddress! + line.lowerBound, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    private static func find(_ character: Unicode.Scalar, in bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>)
        -> Int?
    {
        let start = bytes.baseAddress! + range.lowerBound
        guard let found = memchr(start, Int32(character.value), range.count) else { return nil }
        return range.lowerBound + (UnsafeRawPointer(found) - UnsafeRawPointer(start))
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z")
            || byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") || byte == UInt8(ascii: "_")
    }
}
