import HTTPCore

/// The origin of a request.
public struct Sender: Hashable, Sendable {
    /// The client's address without its port.
    public let address: String
    /// A trusted proxy told the address. It is not the peer's.
    public let isProxied: Bool
    /// A trusted proxy says that its client's connection was encrypted.
    public let isEncrypted: Bool
}

/// The proxies in front of the gateway. Their `x-forwarded-for` and `x-forwarded-proto` count, those of others do not.
public struct TrustedProxies: Hashable, Sendable {
    public static let rangesMax = 64
    public static let none = TrustedProxies([])

    private let ranges: [AddressRange]

    public init(_ ranges: [AddressRange]) { self.ranges = ranges }

    /// - Parameter peer: the address of the connection, without its port.
    package func sender(of head: RequestHead, peer: String) -> Sender {
        guard let host = address(peer), isTrusted(host) else {
            return Sender(address: peer, isProxied: false, isEncrypted: false)
        }
        // Each proxy appends the address of its own client, so that the nearest proxy wrote the last one. What stands
        // before the first address that is no proxy's was written by strangers.
        var client = peer
        for hop in head.list("x-forwarded-for").reversed() {
            guard let (text, number) = self.hop(hop) else { break }
            client = text
            if !isTrusted(number) { break }
        }
        let scheme = head.list("x-forwarded-proto").last
        // Some proxies name the scheme of a WebSocket.
        return Sender(address: client, isProxied: client != peer, isEncrypted: scheme == "https" || scheme == "wss")
    }

    private func isTrusted(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }

    /// Without the zone of a link-local address.
    private func address(_ text: String) -> IPAddress? { IPAddress(text.prefix { $0 != "%" }) }

    /// Some proxies write a port too: `192.0.2.1:40000`, `[2001:db8::1]:40000`.
    private func hop(_ text: String) -> (String, IPAddress)? {
        if let address = IPAddress(text) { return (text, address) }
        var host = text[...]
        if host.hasPrefix("["), let bracket = host.firstIndex(of: "]") {
            host = host[..<bracket].dropFirst()
        } else {
            host = host.prefix { $0 != ":" }
        }
        return IPAddress(host).map { (String(host), $0) }
    }
}
