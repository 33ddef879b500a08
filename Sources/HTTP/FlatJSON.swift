/// A JSON object without arrays and objects in it (RFC 8259), as the API's requests have it.
package struct FlatJSON: Sendable {
    package enum Value: Hashable, Sendable {
        case text(String)
        /// As the client wrote it.
        case number(String)
        case bool(Bool)
        case null
    }

    /// In the order of the text. No name is there twice.
    package private(set) var fields: [(name: String, value: Value)] = []

    package init(_ bytes: [UInt8]) throws(HTTPFault) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed("The body is not UTF-8")
        }
        var rest = Substring(text).unicodeScalars
        FlatJSON.skipBlanks(&rest)
        guard rest.popFirst() == "{" else { throw .malformed("The body is not a JSON object") }
        FlatJSON.skipBlanks(&rest)
        if rest.first == "}" {
            rest.removeFirst()
        } else {
            repeat { try readField(&rest) } while try FlatJSON.goesOn(&rest)
        }
        FlatJSON.skipBlanks(&rest)
        guard rest.isEmpty else { throw .malformed("Something follows the JSON object in the body") }
    }

    private typealias Rest = Substring.UnicodeScalarView

    private mutating func readField(_ rest: inout Rest) throws(HTTPFault) {
        FlatJSON.skipBlanks(&rest)
        let name = try FlatJSON.readText(&rest)
        FlatJSON.skipBlanks(&rest)
        guard rest.popFirst() == ":" else { throw .malformed("A field name of the JSON body has no colon") }
        FlatJSON.skipBlanks(&rest)
        let value = try FlatJSON.readValue(&rest, of: name)
        guard !fields.contains(where: { $0.name == name }) else {
            throw .malformed("The field \(name.prefix(64)) stands in the JSON body twice")
        }
        fields.append((name, value))
    }

    /// True behind a comma, false behind the object's end.
    private static func goesOn(_ rest: inout Rest) throws(HTTPFault) -> Bool {
        skipBlanks(&rest)
        switch rest.popFirst() {
        case ",": return true
        case "}": return false
        default: throw .malformed("The JSON body has no comma or brace where a field ends")
        }
    }

    private static func readValue(_ rest: inout Rest, of name: String) throws(HTTPFault) -> Value {
        switch rest.first {
        case "\"": return .text(try readText(&rest))
        case "{", "[": throw .malformed("The field \(name.prefix(64)) of the JSON body takes one value")
        default: break
        }
        let word = rest.prefix { !" \t\r\n,}".unicodeScalars.contains($0) }
        rest = rest.dropFirst(word.count)
        switch String(word) {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        case let number where FlatJSON.isNumber(number): return .number(number)
        default: throw .malformed("The field \(name.prefix(64)) of the JSON body has no JSON value")
        }
    }

    private static func isNumber(_ text: String) -> Bool {
        var rest = text.utf8[...]
        func digits() -> Int {
            let count = rest.prefix { (0x30...0x39).contains($0) }.count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == 0x2D { rest.removeFirst() }
        let startsWithZero = rest.first == 0x30
        let whole = digits()
        guard whole > 0, !startsWithZero || whole == 1 else { return false }
        if rest.first == 0x2E {
            rest.removeFirst()
            guard digits() > 0 else { return false }
        }
        if let exponent = rest.first, exponent | 0x20 == 0x65 {
            rest.removeFirst()
            if let sign = rest.first, sign == 0x2B || sign == 0x2D { rest.removeFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }

    private static func readText(_ rest: inout Rest) throws(HTTPFault) -> String {
        guard rest.popFirst() == "\"" else { throw .malformed("A name of the JSON body is not in quotes") }
        var text = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"": return String(text)
            case "\\": text.append(try readEscape(&rest))
            case _ where scalar.value < 0x20: throw .malformed("A text of the JSON body has a control character")
            default: text.append(scalar)
            }
        }
        throw .malformed("A text of the JSON body has no end")
    }

    private static func readEscape(_ rest: inout Rest) throws(HTTPFault) -> Unicode.Scalar {
        switch rest.popFirst() {
        case "\"": return "\""
        case "\\": return "\\"
        case "/": return "/"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            let first = try readUnit(&rest)
            guard (0xD800..<0xDC00).contains(first) else { return try scalar(first) }
            guard rest.popFirst() == "\\", rest.popFirst() == "u" else { break }
            let second = try readUnit(&rest)
            guard (0xDC00..<0xE000).contains(second) else { break }
            return try scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        default: break
        }
        throw .malformed("A text of the JSON body has an escape that JSON does not have")
    }

    private static func readUnit(_ rest: inout Rest) throws(HTTPFault) -> UInt32 {
        let digits = rest.prefix(4)
        rest = rest.dropFirst(digits.count)
        guard digits.count == 4, digits.allSatisfy({ $0.properties.isASCIIHexDigit }),
            let unit = UInt32(String(digits), radix: 16)
        else { throw .malformed("An escape of the JSON body has not four hex digits") }
        return unit
    }

    private static func scalar(_ value: UInt32) throws(HTTPFault) -> Unicode.Scalar {
        guard let scalar = Unicode.Scalar(value) else {
            throw .malformed("A text of the JSON body has half of a surrogate pair")
        }
        return scalar
    }

    private static func skipBlanks(_ rest: inout Rest) {
        while let first = rest.first, " \t\r\n".unicodeScalars.contains(first) { rest.removeFirst() }
    }
}
