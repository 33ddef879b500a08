/// The address that gateways dial, if a worker listens on all addresses and its operator names none.
public enum AdvertisedAddress {
    /// An address to advertise, and whether it may be wrong.
    public struct Found: Hashable, Sendable {
        /// `host:port`, IPv6 in brackets.
        public let address: String
        /// True if no known address fits the listener. Then the address is loopback, which is a guess.
        public let isGuess: Bool
    }

    /// - Parameters:
    ///   - local: the local address of the connection to Redis, `host:port` or `[v6]:port`; empty for a unix socket.
    ///   - takesIPv6: whether the listener accepts IPv6. A listener on 0.0.0.0 does not.
    ///   - port: the listener's port.
    public static func found(local: String, takesIPv6: Bool, port: Int) -> Found {
        guard let colon = local.lastIndex(of: ":") else { return Found(address: "127.0.0.1:\(port)", isGuess: false) }
        let host = local[..<colon]
        if takesIPv6 || !host.hasPrefix("[") { return Found(address: "\(host):\(port)", isGuess: false) }
        // An IPv4 address, as an IPv6 socket reports it.
        let mapped = "[::ffff:"
        if host.hasPrefix(mapped), host.contains(".") {
            return Found(address: "\(host.dropFirst(mapped.count).dropLast()):\(port)", isGuess: false)
        }
        return Found(address: "127.0.0.1:\(port)", isGuess: host != "[::1]")
    }
}
