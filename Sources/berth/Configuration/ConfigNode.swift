/// One value of a configuration file, with the line it stands on.
///
/// Scalars stay text: what a `30s` or a `no` means is for the setting to say, not for YAML's guessing.
public struct ConfigNode: Hashable, Sendable {
    /// What kind of value it is.
    public enum Content: Hashable, Sendable {
        /// `plain` is false for quoted and block text, where `~` and the empty string are just text.
        case scalar(String, plain: Bool)
        case sequence([ConfigNode])
        case mapping([Entry])
    }

    /// One key of a mapping.
    public struct Entry: Hashable, Sendable {
        public let key: String
        /// Line of the key, from 1.
        public let line: Int
        public let value: ConfigNode
    }

    public let content: Content
    /// Line on which the value begins, from 1.
    public let line: Int

    /// `key:` with nothing behind it, `~` or `null`: the key counts as not given.
    public var isNull: Bool {
        guard case .scalar(let text, plain: true) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// The entries of a mapping; none for a null; `nil` for anything else.
    public var entries: [Entry]? {
        if isNull { return [] }
        guard case .mapping(let entries) = content else { return nil }
        return entries
    }

    /// The text of a scalar; `nil` for anything else.
    public var text: String? {
        guard case .scalar(let text, _) = content else { return nil }
        return text
    }

    /// The texts of a sequence of scalars, or of one scalar alone; `nil` for anything else.
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
