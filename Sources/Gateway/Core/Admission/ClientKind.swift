import HTTPCore
import QueueCore

/// The kind of a client, as its head tells. It decides how long the client waits if it asks for no time.
public enum ClientKind: Hashable, Sendable, CaseIterable {
    case playwright
    /// A CDP client; it gives up after 30 s.
    case cdp
    /// Python's `websockets`, also under browser-use; it gives up after 10 s.
    case pythonWebsockets
    /// A page in Firefox; it gives up after 20 s and leaves its connection open.
    case firefoxPage
    /// A WebSocket of k6; it gives up after 60 s.
    case k6
    case other

    /// - Parameter slotProtocol: what the client asks for; `nil` for any.
    init(_ head: RequestHead, _ slotProtocol: SlotProtocol?) {
        let agent = head.value("user-agent") ?? ""
        let products = agent.split(separator: " ")
        if products.contains(where: { $0.hasPrefix("websockets/") || $0.hasPrefix("browser-use/") }) {
            self = .pythonWebsockets
        } else if agent.hasPrefix("Mozilla/"), agent.utf8.count < 512, agent.contains(" Firefox/") {
            self = .firefoxPage
        } else if slotProtocol == .playwright || playwrightBrowser(head) != nil {
            self = .playwright
        } else if slotProtocol == .cdp || agent.hasPrefix("Playwright/") {
            // `connect` has a header of its own, `connect_over_cdp` does not.
            self = .cdp
        } else if agent.hasPrefix("Grafana k6/") {
            self = .k6
        } else {
            self = .other
        }
    }

    /// The wait of a client that asks for no time. It is shorter than the client's own wait, so that the client still
    /// reads the refusal.
    public var waitMilliseconds: Int {
        switch self {
        case .playwright, .other: 120_000
        case .cdp: 25_000
        case .pythonWebsockets: 8_000
        case .firefoxPage: 15_000
        case .k6: 55_000
        }
    }
}

/// Playwright's `major.minor` from `Playwright/1.65.1 (x64; debian 12) python/3.11`; `nil` for other clients.
func playwrightVersion(userAgent: String) -> String? {
    guard userAgent.hasPrefix("Playwright/") else { return nil }
    let parts = userAgent.dropFirst("Playwright/".count).prefix { $0 != " " }.split(
        separator: ".", omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[..<2].allSatisfy({ isNumber($0) }) else { return nil }
    return "\(parts[0]).\(parts[1])"
}

private func isNumber(_ text: Substring) -> Bool {
    (1...6).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
}
