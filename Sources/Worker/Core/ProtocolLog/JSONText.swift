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
        line += valid.withUTF8 { utf8 in
            // An escaped byte takes six at most.
            [UInt8](unsafeUninitializedCapacity: 6 * utf8.count) { out, count in
                for (index, byte) in utf8.enumerated() {
                    // U+0080 to U+009F are two bytes, the first one 0xC2. Some terminals take them for commands.
                    if byte == 0xC2 && utf8[index + 1] < 0xA0 { continue }
                    if isEscaped(byte) || byte < 0xA0 && byte >= 0x80 && utf8[index - 1] == 0xC2 {
                        escape(byte, to: out, &count)
                    } else {
                        out[count] = byte
                        count += 1
                    }
                }
            }
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

    private static let digits: StaticString = "0123456789abcdef"

    private static func escape(_ byte: UInt8, to out: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int) {
        func put(_ byte: UInt8) {
            out[count] = byte
            count += 1
        }
        put(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): put(byte)
        case UInt8(ascii: "\n"): put(UInt8(ascii: "n"))
        case UInt8(ascii: "\r"): put(UInt8(ascii: "r"))
        case UInt8(ascii: "\t"): put(UInt8(ascii: "t"))
        default:
            for letter in "u00".utf8 { put(letter) }
            put(digits.utf8Start[Int(byte >> 4)])
            put(digits.utf8Start[Int(byte & 15)])
        }
    }
}
