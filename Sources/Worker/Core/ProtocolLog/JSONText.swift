/// Text of a socket as a JSON string (RFC 8259 section 7).
enum JSONText {
    /// Appends the bytes in quotes. Bytes that are not UTF-8 become U+FFFD. Control characters are escaped, so that the
    /// file is harmless in a terminal and has one line a message.
    ///
    /// - Parameter isCut: the bytes are the beginning of a longer text: a character that is not whole is left out.
    static func append(_ bytes: [UInt8], isCut: Bool, to line: inout [UInt8]) {
        let text = isCut ? bytes.prefix(wholeCharacters(bytes)) : bytes[...]
        line.append(UInt8(ascii: "\""))
        var valid = String(decoding: text, as: UTF8.self)
        valid.withUTF8 { utf8 in
            var start = 0
            var index = 0
            while index < utf8.count {
                let byte = utf8[index]
                // U+0080 to U+009F are two bytes, the first one 0xC2. Some terminals take them for commands.
                guard isEscaped(byte) || byte == 0xC2 && utf8[index + 1] < 0xA0 else {
                    index += 1
                    continue
                }
                line.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<index]))
                if byte == 0xC2 { index += 1 }
                escape(utf8[index], to: &line)
                index += 1
                start = index
            }
            line.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start...]))
        }
        line.append(UInt8(ascii: "\""))
    }

    /// The number of bytes that are whole characters: all, or all but the last one's.
    private static func wholeCharacters(_ bytes: [UInt8]) -> Int {
        for back in 1...3 where bytes.count >= back {
            let byte = bytes[bytes.count - back]
            if byte & 0xC0 == 0x80 { continue }
            let width = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return width > back ? bytes.count - back : bytes.count
        }
        return bytes.count
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private static func escape(_ byte: UInt8, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): line.append(byte)
        case UInt8(ascii: "\n"): line.append(UInt8(ascii: "n"))
        case UInt8(ascii: "\r"): line.append(UInt8(ascii: "r"))
        case UInt8(ascii: "\t"): line.append(UInt8(ascii: "t"))
        default:
            line.append(contentsOf: "u00".utf8)
            line.append(digits[Int(byte >> 4)])
            line.append(digits[Int(byte & 15)])
        }
    }
}
