/// The host that gateways dial, with or without its port.
public struct AdvertisedHost: Hashable, Sendable {
    /// Without brackets.
    public let host: String
    /// `nil` for the port that the worker listens on.
    public let port: Int?

    public init?(_ text: String) {
        guard AdvertisedHost.objection(to: text) == nil, let (host, port) = AdvertisedHost.split(text) else {
            return nil
        }
        self.host = host
        self.port = port
    }

    /// Says in words why the text is not valid; `nil` if it is.
    static func objection(to text: String) -> String? {
        if let scheme = text.firstRange(of: "://") {
            let rest = text[scheme.upperBound...].prefix { $0 != "/" }
            return "'\(text)' is a URL; write the host alone, or host:port: \(rest)"
        }
        if HostText(text) == .ipv6 { return "'\(text)' is IPv6, which stands in brackets here: [\(text)]" }
        guard let (host, port) = split(text), let kind = HostText(host), kind != .ipv6 || text.hasPrefix("["),
            kind == .ipv6 || !text.hasPrefix("[")
        else {
            return "'\(text)' is not a host or host:port (IPv6 in brackets)"
        }
        if port == 0 { return "'\(text)' has port 0, which nobody can dial; leave it out for the port listened on" }
        if HostText.isUnspecified(host) {
            return
                "'\(text)' means every address of a machine and can only be listened on: write the one that gateways dial"
        }
        return nil
    }

    /// The host without brackets, and the port if the text has one.
    private static func split(_ text: String) -> (host: String, port: Int?)? {
        if text.hasPrefix("["), text.hasSuffix("]") { return (String(text.dropFirst().dropLast()), nil) }
        guard text.contains(":") else { return (text, nil) }
        return ListenAddress(text).map { ($0.host, $0.port) }
    }
}
