/// A web origin as browsers send it: scheme, host and port (RFC 6454, 6.2).
enum OriginText {
    /// Says why a text is no origin.
    struct Objection: Error {
        let words: String
    }

    /// The text in lower case, without a slash at the end. `*` stands for all origins. Pages without one send `null`.
    static func canonical(_ text: String) throws(Objection) -> String {
        if text == "*" || text.lowercased() == "null" { return text.lowercased() }
        guard let slashes = text.firstRange(of: "://") else {
            throw Objection(words: "'\(text)' has no scheme: write https://\(text), as the page's address begins")
        }
        let scheme = text[..<slashes.lowerBound].lowercased()
        var rest = text[slashes.upperBound...].lowercased()
        while rest.hasSuffix("/") { rest.removeLast() }
        let authority = rest.prefix { !"/?#".contains($0) }
        if authority.count < rest.count {
            throw Objection(words: "'\(text)' has a path, and an origin has none: write \(scheme)://\(authority)")
        }
        if rest.contains("*") { throw Objection(words: "'\(text)' is a pattern: list each origin, or * for all") }
        if !rest.utf8.allSatisfy({ $0 < 128 }) {
            throw Objection(words: "'\(text)' is not in ASCII: browsers send such a host as xn--…, write that")
        }
        guard isAuthority(rest), isScheme(scheme) else {
            throw Objection(words: "'\(text)' is not scheme://host or scheme://host:port, like https://app.example")
        }
        return "\(scheme)://\(rest)"
    }

    private static func isScheme(_ text: String) -> Bool {
        guard let first = text.first, first.isLetter else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    }

    /// A host, in brackets if it is IPv6, with or without a port.
    private static func isAuthority(_ text: String) -> Bool {
        if text.hasPrefix("["), text.hasSuffix("]") { return HostText(text.dropFirst().dropLast()) == .ipv6 }
        guard text.contains(":") else { return HostText(text).map { $0 != .ipv6 } ?? false }
        return ListenAddress(text).flatMap { HostText($0.host) } != nil
    }
}
