/// Invisible characters in a value. They come from copied text, and from editors of other systems.
enum Unseen {
    /// The text without invisible characters, blanks and line ends around it.
    static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isUnseen($0) }),
            let last = scalars.lastIndex(where: { !isUnseen($0) })
        else { return "" }
        return String(scalars[first...last])
    }

    /// Names an invisible character within the text, in words that do not repeat the text; `nil` if there is none.
    ///
    /// - Parameter lines: if true, tabs and line feeds are allowed.
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
        // A decoder writes it for bytes that are not UTF-8.
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
