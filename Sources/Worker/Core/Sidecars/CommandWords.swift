/// Splits a command line into words as a shell would, without a shell: blanks separate, quotes and backslashes keep.
///
/// There are no variables, globs, pipes or substitutions. A command that needs them starts with `sh -c`.
public enum CommandWords {
    /// `nil` for an open quote, a lone backslash at the end, or no word at all.
    public static func split(_ text: String) -> [String]? {
        var words: [String] = []
        var word = ""
        var hasWord = false
        var quote: Character?
        var characters = text.makeIterator()
        while let c = characters.next() {
            switch (quote, c) {
            case ("'", "'"), ("\"", "\""):
                quote = nil
            case ("'", _):
                word.append(c)
            case (_, "\\"):
                guard let next = characters.next() else { return nil }
                if quote == "\"" && next != "\"" && next != "\\" { word.append(c) }
                word.append(next)
                hasWord = true
            case (nil, "'"), (nil, "\""):
                quote = c
                hasWord = true
            case (nil, " "), (nil, "\t"), (nil, "\n"):
                if hasWord { words.append(word) }
                word = ""
                hasWord = false
            default:
                word.append(c)
                hasWord = true
            }
        }
        guard quote == nil else { return nil }
        if hasWord { words.append(word) }
        return words.isEmpty ? nil : words
    }
}
