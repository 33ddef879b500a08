/// Finds the word that a user probably meant.
package enum Spelling {
    /// The candidate nearest to `word`; `nil` if more than a third of the letters differ.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        let lower = word.lowercased()
        let scored = candidates.map { (distance(lower, $0.lowercased()), $0) }
        guard let best = scored.min(by: { $0.0 < $1.0 }), best.0 <= max(1, (word.count + 2) / 3) else { return nil }
        return best.1
    }

    /// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a), b = Array(b)
        var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
        for i in 0...a.count { rows[i][0] = i }
        for j in 0...b.count { rows[0][j] = j }
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        for i in 1...a.count {
            for j in 1...b.count {
                let replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                rows[i][j] = min(replaced, rows[i - 1][j] + 1, rows[i][j - 1] + 1)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
                }
            }
        }
        return rows[a.count][b.count]
    }

    /// `unknown key 'gatway'; did you mean 'gateway'?`. If no known word is near, a list of the known words.
    package static func unknown(_ what: String, _ word: String, known: [String]) -> String {
        if let meant = nearest(to: word, among: known) { return "unknown \(what) '\(word)'; did you mean '\(meant)'?" }
        return "unknown \(what) '\(word)'; known here: \(known.sorted().joined(separator: ", "))"
    }
}
