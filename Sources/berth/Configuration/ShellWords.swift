/// Splits a command line into words as a shell would, without running anything: quotes and backslashes only, no
/// variables, no globs.
public enum ShellWords {
    /// `nil` when a quote is left open or nothing is there.
    public static func split(_ text: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var escaped = false
        for c in text {
            if escaped {
                // Within double quotes a backslash keeps itself before anything but " and \.
                if quote == "\"", c != "\"", c != "\\" { word = (word ?? "") + "\\" }
                word = (word ?? "") + String(c)
                escaped = false
            } else if c == "\\", quote != "'" {
                escaped = true
            } else if let open = quote {
                if c == open { quote = nil } else { word = (word ?? "") + String(c) }
            } else if c == "'" || c == "\"" {
                quote = c
                word = word ?? ""
            } else if c == " " || c == "\t" || c == "\n" {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(c)
            }
        }
        guard quote == nil, !escaped else { return nil }
        if let done = word { words.append(done) }
        return words.isEmpty ? nil : words
    }
}
