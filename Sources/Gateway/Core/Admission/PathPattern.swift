/// A path as users read it. `<label>` stands for a label pattern, `<rest>` for the path that reaches the sidecar, `<any>`
/// for one segment that means nothing.
struct PathPattern: Hashable, Sendable {
    /// The parts of a path that the pattern does not spell.
    struct Parts: Hashable, Sendable {
        /// The label pattern, still percent-encoded; `nil` if the pattern has none.
        let label: String?
        /// The path that reaches the sidecar, as the client wrote it.
        let rest: String
    }

    let text: String
    /// The text before `<label>`; `nil` if the pattern has no label.
    private let prefix: String?
    private let hasRest: Bool
    /// The text before `<any>`; `nil` if the pattern has none.
    private let ignoredPrefix: String?

    init(_ text: String) {
        self.text = text
        ignoredPrefix = text.hasSuffix("<any>") ? String(text.dropLast("<any>".count)) : nil
        prefix = text.firstRange(of: "<label>").map { String(text[..<$0.lowerBound]) }
        hasRest = text.hasSuffix("/<rest>")
    }

    /// `nil` if the path does not fit the pattern.
    func match(_ path: String) -> Parts? {
        if let ignoredPrefix {
            let isFit = path.hasPrefix(ignoredPrefix) && !path.dropFirst(ignoredPrefix.count).contains("/")
            return isFit && path.utf8.count > ignoredPrefix.utf8.count ? Parts(label: nil, rest: "/") : nil
        }
        guard let prefix else { return path == text ? Parts(label: nil, rest: "/") : nil }
        guard path.hasPrefix(prefix) else { return nil }
        let tail = path.dropFirst(prefix.count)
        guard let slash = tail.firstIndex(of: "/") else {
            return hasRest ? nil : Parts(label: String(tail), rest: "/")
        }
        return hasRest ? Parts(label: String(tail[..<slash]), rest: String(tail[slash...])) : nil
    }
}
