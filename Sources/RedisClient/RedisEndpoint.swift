import EventLoop

/// The address of Redis, and the login: `redis://[user:password@]host[:port][/db]`, `rediss://` for the same by TLS,
/// `unix://[user:password@]/path[?db=n]`, or `redis+sentinel://[user:password@]host[:port],…/name[/db]` for the primary of
/// that name that these sentinels know. The login is that of the primary.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
    enum Place: Hashable, Sendable {
        case host(String, port: Int)
        case unix(SocketAddress)
        case sentinels(SentinelGroup)
    }

    /// A name or an address without brackets, and a port.
    struct Host: Hashable, Sendable, CustomStringConvertible {
        let name: String
        let port: Int

        var description: String { "\(name.contains(":") ? "[\(name)]" : name):\(port)" }
    }

    /// The fault in a URL, explained to its author. Never contains the password.
    public struct InvalidURL: Error, Hashable, CustomStringConvertible {
        public let description: String
    }

    let place: Place
    let user: String?
    let password: String?
    public let database: Int
    /// The server must prove its name by a certificate.
    public let isEncrypted: Bool
    /// A file of PEM certificates that vouch for the server; nil for those that the system trusts.
    let authorities: String?

    public init(url: String, authorities: String? = nil) throws(InvalidURL) {
        self.authorities = authorities
        guard let colon = url.firstRange(of: "://") else {
            throw InvalidURL(description: "not a URL: write redis://host:6379 or unix:///path/to/redis.sock")
        }
        let scheme = url[..<colon.lowerBound].lowercased()
        var rest = url[colon.upperBound...]
        (user, password) = try RedisEndpoint.credentials(&rest)
        isEncrypted = scheme == "rediss"
        switch scheme {
        case "redis", "rediss": (place, database) = try RedisEndpoint.host(rest)
        case "unix": (place, database) = try RedisEndpoint.unix(rest)
        case "redis+sentinel": (place, database) = try RedisEndpoint.sentinels(rest)
        default:
            throw InvalidURL(
                description: "unknown scheme \(scheme)://: write redis://, rediss://, redis+sentinel:// or unix://")
        }
    }

    private init(place: Place, like other: RedisEndpoint) {
        self.place = place
        user = other.user
        password = other.password
        database = other.database
        isEncrypted = other.isEncrypted
        authorities = other.authorities
    }

    /// The node that a `MOVED <slot> <host>:<port>` names, with this endpoint's login; nil if it names none. If the
    /// cluster leaves the host out, or does not know it, the node has the host of the node that answered.
    func moved(_ reply: String) -> RedisEndpoint? {
        let words = reply.split(separator: " ")
        guard words.count >= 3, words[0] == "MOVED", let colon = words[2].lastIndex(of: ":"),
            let port = Int(words[2][words[2].index(after: colon)...]), (1...65535).contains(port)
        else { return nil }
        let named = words[2][..<colon]
        if !named.isEmpty && named != "?" {
            return RedisEndpoint(place: .host(String(named), port: port), like: self)
        }
        guard case .host(let host, _) = place else { return nil }
        return RedisEndpoint(place: .host(host, port: port), like: self)
    }

    /// The primary that a sentinel names, with this endpoint's login.
    func primary(at host: Host) -> RedisEndpoint {
        RedisEndpoint(place: .host(host.name, port: host.port), like: self)
    }

    /// Without the credentials.
    public var description: String {
        switch place {
        case .host(let host, let port):
            "redis\(isEncrypted ? "s" : "")://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
        case .sentinels(let group): "redis+sentinel://\(group)/\(group.name)/\(database)"
        case .unix(let address): "unix://\(address)?db=\(database)"
        }
    }

    private static func credentials(_ rest: inout Substring) throws(InvalidURL) -> (String?, String?) {
        guard let at = rest.lastIndex(of: "@") else { return (nil, nil) }
        let info = rest[..<at]
        rest = rest[rest.index(after: at)...]
        guard let colon = info.firstIndex(of: ":"), let user = decoded(info[..<colon]),
            let password = decoded(info[info.index(after: colon)...]), !password.isEmpty
        else {
            throw InvalidURL(description: "the part before @ must be user:password or :password, percent-encoded")
        }
        return (user.isEmpty ? nil : user, password)
    }

    private static func host(_ text: Substring) throws(InvalidURL) -> (Place, Int) {
        if text.contains("?") || text.contains("#") {
            throw InvalidURL(description: "redis:// and rediss:// take no query: write redis://host:port/db")
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let database = try number(parts.count == 2 ? parts[1] : "")
        let authority = String(parts[0])
        // A bare IPv6 literal in brackets ends in "]", a host without a port has no colon.
        let whole = authority.hasSuffix("]") || !authority.contains(":") ? authority + ":6379" : authority
        guard let (host, port) = SocketAddress.split(whole), port > 0 else {
            throw InvalidURL(description: "\"\(authority)\" is not host:port")
        }
        return (.host(host, port: port), database)
    }

    private static func sentinels(_ text: Substring) throws(InvalidURL) -> (Place, Int) {
        let form = "write redis+sentinel://host:26379,host:26379/name or …/name/db"
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, !parts[1].isEmpty, parts[1].utf8.count <= 64,
            parts[1].utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"?#%,".utf8.contains($0) })
        else { throw InvalidURL(description: "redis+sentinel:// needs the name of the primary: \(form)") }
        var sentinels: [Host] = []
        for authority in parts[0].split(separator: ",", omittingEmptySubsequences: false) {
            let whole = authority.hasSuffix("]") || !authority.contains(":") ? authority + ":26379" : authority
            guard let (name, port) = SocketAddress.split(String(whole)), port > 0 else {
                throw InvalidURL(description: "\"\(authority)\" is not host:port: \(form)")
            }
            sentinels.append(Host(name: name, port: port))
        }
        guard sentinels.count <= SentinelGroup.sentinelsMax else {
            throw InvalidURL(description: "more than \(SentinelGroup.sentinelsMax) sentinels")
        }
        return (
            .sentinels(SentinelGroup(sentinels: sentinels, name: String(parts[1]))),
            try number(parts.count == 3 ? parts[2] : "")
        )
    }

    private static func unix(_ text: Substring) throws(InvalidURL) -> (Place, Int) {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = decoded(parts[0]), path.hasPrefix("/"), !path.utf8.contains(0),
            let address = SocketAddress(unixPath: path)
        else {
            throw InvalidURL(
                description:
                    "unix:// needs an absolute path of at most 107 bytes, like unix:///run/redis.sock; this has "
                    + "\(parts[0].utf8.count)")
        }
        if parts.count == 1 { return (.unix(address), 0) }
        guard parts[1].hasPrefix("db=") else {
            throw InvalidURL(description: "unix:// takes ?db=n and nothing else")
        }
        return (.unix(address), try number(parts[1].dropFirst(3)))
    }

    private static func number(_ text: Substring) throws(InvalidURL) -> Int {
        if text.isEmpty { return 0 }
        guard text.utf8.count <= 4, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else {
            throw InvalidURL(description: "\"\(text)\" is not the number of a database")
        }
        return number
    }

    /// Percent-decoding (RFC 3986, 2.1); nil if the text is malformed or not UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let high = Character(UnicodeScalar(rest.removeFirst())).hexDigitValue,
                let low = Character(UnicodeScalar(rest.removeFirst())).hexDigitValue
            else { return nil }
            bytes.append(UInt8(high * 16 + low))
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// A Lua script and the name by which Redis runs it.
public struct RedisScript: Hashable, Sendable {
    public let name: String
    public let source: [UInt8]
    /// 40 lower-case hex digits, as EVALSHA takes them.
    public let sha1: String

    public init(name: String, source: [UInt8]) {
        self.name = name
        self.source = source
        sha1 = Crypto.sha1Hex(source)
    }
}
