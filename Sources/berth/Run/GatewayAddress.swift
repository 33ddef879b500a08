/// A gateway as a client writes it: `host:port`, or a URL of `http`, `https`, `ws` or `wss`.
public struct GatewayAddress: Hashable, Sendable {
    public let isEncrypted: Bool
    /// `host:port`.
    public let authority: String
    /// A key stands before an `@`. Other users of the machine can read it, so it is not used.
    public let hasKey: Bool

    public init(_ text: String) {
        let lower = text.lowercased()
        isEncrypted = ["wss://", "https://"].contains { lower.hasPrefix($0) }
        let isURL = isEncrypted || ["ws://", "http://"].contains { lower.hasPrefix($0) }
        guard isURL, let slashes = text.firstRange(of: "://") else {
            authority = text
            hasKey = false
            return
        }
        let whole = text[slashes.upperBound...].prefix { !"/?#".contains($0) }
        let at = whole.lastIndex(of: "@")
        hasKey = at.map { $0 > whole.startIndex } ?? false
        let host = String(at.map { whole[whole.index(after: $0)...] } ?? whole)
        let hasPort = host.hasPrefix("[") ? !host.hasSuffix("]") : host.contains(":")
        authority = hasPort ? host : host + (isEncrypted ? ":443" : ":80")
    }

    /// For the API.
    public var url: String { "\(isEncrypted ? "https" : "http")://\(authority)" }
}
