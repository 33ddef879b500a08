/// A refusal, or the end of a session that was no orderly one, for people.
public struct Happening: Hashable, Sendable {
    /// Since 1970.
    public let atMilliseconds: Int64
    /// `refusal` or `end`.
    public let kind: String
    /// The refusal's code, or the side that ended the session.
    public let code: String
    /// Empty if the client never proved its tenant.
    public let tenant: String
    public let words: String

    package init(atMilliseconds: Int64, kind: String, code: String, tenant: String, words: String) {
        self.atMilliseconds = atMilliseconds
        self.kind = kind
        self.code = code
        self.tenant = tenant
        self.words = words
    }
}
