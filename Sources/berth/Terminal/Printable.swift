/// Text from elsewhere for a terminal: names, and words of sidecars. A terminal obeys control characters and bidi marks,
/// and shows nothing for others, so all of these are written as `\u{…}`.
public enum Printable {
    /// More marks on one letter would cover the lines above and below.
    static let marksMax = 3

    /// The text with every unsafe character written as `\u{…}`.
    public static func text(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        var out = String.UnicodeScalarView()
        // A mark at the beginning would land on what stands before the text.
        var marks = marksMax
        for scalar in text.unicodeScalars {
            marks = isMark(scalar) ? marks + 1 : 0
            if isUnsafe(scalar) || marks > marksMax {
                out.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            } else {
                out.append(scalar)
            }
        }
        return String(out)
    }

    /// A text of JSON with every unsafe character written as `\uXXXX`, which is the same JSON.
    public static func json(_ text: String) -> String {
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard isUnsafe(scalar) else {
                out.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                out.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
            }
        }
        return String(out)
    }

    /// The columns that the text takes on a terminal.
    static func width(_ text: String) -> Int {
        let count = text.utf8.count
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return count }
        return text.unicodeScalars.reduce(0) { $0 + width($1) }
    }

    /// The begin of the text that fits into so many columns. An ellipsis says that something is missing.
    static func clipped(_ text: String, to columns: Int) -> String {
        if width(text) <= columns { return text }
        var (out, used) = (String.UnicodeScalarView(), 0)
        for scalar in text.unicodeScalars {
            used += width(scalar)
            if used > columns - 1 { break }
            out.append(scalar)
        }
        return columns > 0 ? String(out) + "…" : ""
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isDefaultIgnorableCodePoint { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: true
        default: false
        }
    }

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        if isMark(scalar) { return 0 }
        return wide.contains { $0.contains(scalar.value) } ? 2 : 1
    }

    /// Scripts and pictures whose characters take two columns.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
        0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
    ]
}
