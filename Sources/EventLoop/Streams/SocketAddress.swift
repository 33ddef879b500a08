import CUV
import Glibc

/// An address to listen on or to connect to: an IP literal with a port, or the path of a unix socket.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    enum Family: Sendable { case v4, v6, unix }

    let family: Family
    /// The IP literal without brackets, or the path.
    public let host: String
    /// 0 for a unix socket.
    public let port: Int

    public var isUnix: Bool { family == .unix }

    private init(family: Family, host: String, port: Int) {
        self.family = family
        self.host = host
        self.port = port
    }

    /// Nil if `host` is not an IPv4 or IPv6 literal, or `port` is out of range. Port 0 listens on any free port.
    public init?(host: String, port: Int) {
        guard (0...65535).contains(port) else { return nil }
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        if uv_ip4_addr(host, Int32(port), &v4) == 0 {
            self.init(family: .v4, host: host, port: port)
        } else if uv_ip6_addr(host, Int32(port), &v6) == 0 {
            self.init(family: .v6, host: host, port: port)
        } else {
            return nil
        }
    }

    /// Nil if the path is empty or longer than the kernel's 107 bytes.
    public init?(unixPath: String) {
        guard (1...107).contains(unixPath.utf8.count) else { return nil }
        self.init(family: .unix, host: unixPath, port: 0)
    }

    /// Reads `host:port`, `[v6]:port` or `/path`. The host must be a literal; for names see `resolve`.
    public init?(_ text: String) {
        if text.hasPrefix("/") {
            self.init(unixPath: text)
            return
        }
        guard let (host, port) = SocketAddress.split(text) else { return nil }
        self.init(host: host, port: port)
    }

    /// Splits `host:port` or `[v6]:port`. The host may be a name.
    public static func split(_ text: String) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = Int(digits), port <= 65535
        else { return nil }
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        return host.isEmpty ? nil : (String(host), port)
    }

    public var description: String {
        switch family {
        case .v4: "\(host):\(port)"
        case .v6: "[\(host)]:\(port)"
        case .unix: host
        }
    }

    /// True for 127.0.0.0/8, ::1 and unix sockets, which other machines cannot reach.
    public var isLoopback: Bool {
        switch family {
        case .v4: host.hasPrefix("127.")
        case .v6: host == "::1"
        case .unix: true
        }
    }

    /// True for 0.0.0.0 and every spelling of `::`. A listener there accepts connections to any address of the machine.
    public var isUnspecified: Bool {
        guard !isUnix, let kernels = withSocketAddress({ SocketAddress($0) }) else { return false }
        return kernels.host == "0.0.0.0" || kernels.host == "::"
    }

    /// Calls `body` with the kernel's form of an IP address. Never for a unix socket.
    func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>) -> R) -> R {
        var storage = sockaddr_storage()
        return withUnsafeMutablePointer(to: &storage) { pointer in
            let raw = UnsafeMutableRawPointer(pointer)
            if family == .v4 {
                uv_ip4_addr(host, Int32(port), raw.assumingMemoryBound(to: sockaddr_in.self))
            } else {
                uv_ip6_addr(host, Int32(port), raw.assumingMemoryBound(to: sockaddr_in6.self))
            }
            return body(UnsafePointer(raw.assumingMemoryBound(to: sockaddr.self)))
        }
    }

    /// Reads the kernel's form; nil for anything but IPv4 and IPv6.
    init?(_ address: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(address)
        var text = [CChar](repeating: 0, count: 64)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let v4 = raw.assumingMemoryBound(to: sockaddr_in.self)
            uv_ip4_name(v4, &text, text.count)
            self.init(
                family: .v4, host: SocketAddress.string(text), port: Int(UInt16(bigEndian: v4.pointee.sin_port)))
        case AF_INET6:
            let v6 = raw.assumingMemoryBound(to: sockaddr_in6.self)
            uv_ip6_name(v6, &text, text.count)
            self.init(
                family: .v6, host: SocketAddress.string(text), port: Int(UInt16(bigEndian: v6.pointee.sin6_port)))
        default:
            return nil
        }
    }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
