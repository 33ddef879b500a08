/// One value of a configuration file, with its line.
///
/// Scalars stay text, because the setting decides what `30s` or `no` means, not YAML.
public struct ConfigNode: Hashable, Sendable {
    /// The kind of the value.
    public enum Content: Hashable, Sendable {
        /// `plain` is false for quoted and block text. There `~` and the empty string are text too.
        case scalar(String, plain: Bool)
        case sequence([ConfigNode])
        case mapping([Entry])
    }

    /// One key of a mapping.
    public struct Entry: Hashable, Sendable {
        public let key: String
        /// The line of the key, from 1.
        public let line: Int
        public let value: ConfigNode
    }

    public let content: Content
    /// The line on which the value begins, from 1.
    public let line: Int

    /// True for `~`, `null` and nothing after `key:`. The key then counts as not given.
    public var isNull: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// The entries of a mapping; empty for a null, `nil` for any other value.
    public var entries: [Entry]? {
        if isNull { return [] }
        guard case .mapping(let entries) = content else { return nil }
        return entries
    }

    /// The text of a scalar; `nil` for any other value.
    public var text: String? {
        guard case .scalar(let text, _) = content else { return nil }
        return text
    }

    /// The texts of a sequence of scalars, or of one scalar; `nil` for any other value.
    public var texts: [String]? {
        switch content {
        case .scalar(let text, _): return [text]
        case .sequence(let nodes):
            let texts = nodes.compactMap(\.text)
            return texts.count == nodes.count ? texts : nil
        case .mapping: return nil
        }
    }
}
