/// Characters that nobody sees in a value: they come along by copying, and from editors of other systems.
enum Unseen {
    /// The text without those around it, blanks and line ends included.
    static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isUnseen($0) }),
            let last = scalars.lastIndex(where: { !isUnseen($0) })
        else { return "" }
        return String(scalars[first...last])
    }

    /// What is wrong with a text that has one within, in words that do not repeat the text; nil where there is none.
    ///
    /// - Parameter lines: tabs and line feeds will do.
    static func objection(to text: String, lines: Bool = false) -> String? {
        let found = text.unicodeScalars.first { scalar in
            if scalar == " " || lines && (scalar == "\t" || scalar == "\n") { return false }
            return isUnseen(scalar)
        }
        guard let found else { return nil }
        if found == "\u{FFFD}" { return "holds bytes that are not UTF-8: write it anew" }
        let digits = String(found.value, radix: 16, uppercase: true)
        let code = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return "holds an invisible character, U+\(code) (\(name(of: found))): remove it"
    }

    private static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator: true
        // What a decoder put where the bytes were none of UTF-8.
        default: scalar == "\u{FFFD}"
        }
    }

    private static func name(of scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\0": "null"
        case "\t": "tab"
        case "\n": "line feed"
        case "\r": "carriage return"
        case "\u{FEFF}": "byte order mark"
        default: scalar.properties.name?.lowercased() ?? "control character"
        }
    }
}
