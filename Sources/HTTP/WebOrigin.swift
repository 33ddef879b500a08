/// The origin of a web page (RFC 6454), as the header `Origin` names it: scheme, host and port.
package struct WebOrigin: Hashable, Sendable {
    package let scheme: String
    package let authority: Authority

    /// `nil` for the text `null`, and for a text with a path, a user, or a scheme other than http and https.
    package init?(_ text: String) {
        let lower = text.lowercased()
        guard let scheme = ["http", "https"].first(where: { lower.hasPrefix($0 + "://") }),
            let authority = Authority(String(lower.dropFirst(scheme.count + 3)))
        else { return nil }
        self.scheme = scheme
        self.authority = authority
    }

    private var defaultPort: Int { scheme == "https" ? 443 : 80 }

    /// The one text of an origin: lower case, without the default port. A text that is no origin is returned unchanged.
    package static func normalised(_ text: String) -> String {
        guard let origin = WebOrigin(text) else { return text }
        let port = origin.authority.port.flatMap { $0 == origin.defaultPort ? nil : ":\($0)" } ?? ""
        return "\(origin.scheme)://\(origin.authority.host)\(port)"
    }

    /// True if the page came from the host and port that the request names.
    package func isOwn(of host: Authority) -> Bool {
        authority.host == host.host && (authority.port ?? defaultPort) == (host.port ?? defaultPort)
    }
}

/// A host with or without a port, as the header `Host` names it.
package struct Authority: Hashable, Sendable {
    /// In lower case; an IPv6 address in its brackets.
    package let host: String
    package let port: Int?

    package init?(_ text: String) {
        let end: String.Index
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else { return nil }
            end = text.index(after: bracket)
        } else {
            end = text.firstIndex(of: ":") ?? text.endIndex
        }
        let digits = text[end...].dropFirst()
        guard end != text.startIndex, text[end...].isEmpty || text[end] == ":", digits.utf8.count <= 5,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            text[..<end].utf8.allSatisfy({ isAlphanumeric($0) || ".-_:[]".utf8.contains($0) })
        else { return nil }
        host = text[..<end].lowercased()
        port = Int(digits)
    }

    /// 127.x.x.x, `[::1]` and `localhost`. Browsers do not ask DNS for these.
    package var isLoopback: Bool {
        host == "[::1]" || host == "localhost" || host.hasPrefix("127.") && isAddress
    }

    /// An IP address. DNS cannot give it to another server's page.
    package var isAddress: Bool {
        if host.hasPrefix("[") { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { (1...3).contains($0.utf8.count) && UInt8($0) != nil && !$0.hasPrefix("+") }
    }
}
