/// `host:port`, `[v6]:port` or `:port`. The host need not exist.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// Without brackets. Empty for `:port`, which means the safe default host.
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

    /// Says in words why a process cannot listen on this text; `nil` if it can.
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
