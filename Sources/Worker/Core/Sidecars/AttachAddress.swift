/// The address of an endpoint that runs already, as the setting has it: `ws://host:port/path`, or `http://host:port` of a
/// browser that tells its socket.
public struct AttachAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name, or a literal address without brackets.
    public let host: String
    public let port: Int
    /// nil if the endpoint must be asked for it.
    public let path: String?
    public let description: String

    /// Why an address is refused, in words for the operator.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    public init(_ text: String) throws(Failure) {
        func refused(_ why: String) -> Failure { Failure(description: "'\(text)' \(why)") }
        let isAsked = text.hasPrefix("http://")
        guard isAsked || text.hasPrefix("ws://") else {
            throw refused(
                text.hasPrefix("wss://") || text.hasPrefix("https://")
                    ? "needs TLS, and Berth speaks to endpoints without: write ws:// or http://"
                    : "is no endpoint: write ws://host:port/path, or http://host:port for a browser's debugging port")
        }
        let rest = text.dropFirst(isAsked ? 7 : 5)
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        guard path.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        else { throw refused("has a query or signs that no path has: leave them out") }
        guard !isAsked || path.isEmpty || path == "/" else {
            throw refused("has a path: write http://host:port, or the ws:// URL with its path")
        }
        guard let colon = authority.lastIndex(of: ":"),
            let port = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(port)
        else { throw refused("has no port: write host:port") }
        var host = authority[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard AttachAddress.isHost(host, isBracketed: host.count < authority[..<colon].count) else {
            throw refused("has no host: write a name or an address, IPv6 in brackets")
        }
        self.host = String(host)
        self.port = port
        self.path = isAsked ? nil : String(path)
        description = text
    }

    private static func isHost(_ host: Substring, isBracketed: Bool) -> Bool {
        let signs = isBracketed ? "0123456789abcdefABCDEF:." : "-._"
        return !host.isEmpty && host.utf8.count <= 253
            && host.unicodeScalars.allSatisfy { sign in
                signs.unicodeScalars.contains(sign)
                    || !isBracketed && sign.isASCII && sign.properties.isAlphabetic
                    || !isBracketed && ("0"..."9").contains(sign)
            }
    }
}
