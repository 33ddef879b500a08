/// The protocol that the sidecars of a pool speak with their clients, over a WebSocket.
public enum SlotProtocol: String, Hashable, Sendable, CaseIterable {
    /// Playwright's own, of its browser servers. Client and server must have the same major and minor version.
    case playwright
    /// The Chrome DevTools Protocol.
    case cdp
    /// WebDriver BiDi.
    case bidi
    /// Anything else, which Berth does not know.
    case raw
    /// None: a client only holds the slot, by a connection without messages.
    case lease

    /// The protocols that a sidecar may speak.
    public static let ofSidecars = allCases.filter { $0 != .lease }
}
