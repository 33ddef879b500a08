/// `host:port`, `[v6]:port` or `:port`. Says nothing about whether the host exists.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// Without brackets; empty for `:port`, where the safe default host is meant.
    public let host: String
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let portText = text[text.index(after: colon)...]
        guard (1...5).contains(portText.utf8.count), portText.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = Int(portText), port <= 65_535
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.count > 2 else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard host.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
        self.init(host: host.lowercased(), port: port)
    }

    /// What is wrong with a text as an address to listen on, in words; nil where it will do.
    static func objection(to text: String) -> String? {
        guard let address = ListenAddress(text) else {
            return "'\(text)' is not host:port (IPv6 in brackets), or :port"
        }
        if address.host.isEmpty || address.host == "localhost" { return nil }
        switch HostText(address.host) {
        case .ipv4 where !text.hasPrefix("["), .ipv6: return nil
        default:
            return
                "'\(address.host)' is not an address of this machine in numbers, like 127.0.0.1 or [::1], nor localhost"
        }
    }

    /// 127.0.0.0/8, ::1 and the name localhost.
    public var isLoopback: Bool {
        host == "localhost" || host == "::1" || (host.hasPrefix("127.") && host.split(separator: ".").count == 4)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
