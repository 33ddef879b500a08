/// A path as users read it. A name in angle brackets, such as `<label>`, stands for one segment, a last `<rest>` for the
/// path that reaches the sidecar.
package struct PathPattern: Hashable, Sendable {
    /// The parts of a path that the pattern does not spell.
    package struct Parts: Hashable, Sendable {
        /// The segment, still percent-encoded; `nil` if the pattern spells the whole path.
        package let name: String?
        /// The path that reaches the sidecar, as the client wrote it.
        package let rest: String

        package init(name: String?, rest: String) {
            self.name = name
            self.rest = rest
        }
    }

    package let text: String
    /// The text before the named segment, or the whole text.
    private let prefix: String
    private let hasName: Bool
    private let hasRest: Bool
    /// The text behind the named segment.
    private let suffix: String

    package init(_ text: String) {
        self.text = text
        let open = text.firstIndex(of: "<")
        prefix = String(text[..<(open ?? text.endIndex)])
        hasName = open != nil
        hasRest = text.hasSuffix("/<rest>")
        let close = text.firstIndex(of: ">").map { text.index(after: $0) } ?? text.endIndex
        suffix = hasRest ? "" : String(text[close...])
    }

    /// `nil` if the path does not fit the pattern.
    package func match(_ path: String) -> Parts? {
        guard hasName else { return path == text ? Parts(name: nil, rest: "/") : nil }
        guard path.hasPrefix(prefix) else { return nil }
        // By bytes: a path is ASCII, and a search by characters takes five times as long.
        var tail = path.utf8.dropFirst(prefix.utf8.count)
        guard path.hasSuffix(suffix), tail.count >= suffix.utf8.count else { return nil }
        tail = tail.dropLast(suffix.utf8.count)
        let slash = tail.firstIndex(of: UInt8(ascii: "/"))
        guard hasRest == (slash != nil) else { return nil }
        let name = tail[..<(slash ?? tail.endIndex)]
        return name.isEmpty
            ? nil : Parts(name: String(Substring(name)), rest: slash.map { String(Substring(tail[$0...])) } ?? "/")
    }
}
