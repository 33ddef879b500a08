import QueueCore

/// What a request's method and path ask for.
enum Route: Hashable {
    /// Playwright's `connect`.
    case playwright
    /// Any pool: its label pattern, and the path that reaches the sidecar.
    case pool(pattern: String, rest: String)
    /// `GET /json` and its kin.
    case discovery

    init(_ head: RequestHead) throws(Refusal) {
        guard !hasDotSegment(head.path) else {
            throw .badRequest("The request target has `.` or `..` segments, or is not percent-encoded correctly")
        }
        switch head.path {
        case "/": self = .playwright
        case "/json", "/json/", "/json/version", "/json/version/": self = .discovery
        case let path where path.hasPrefix("/pool/"):
            let tail = path.dropFirst("/pool/".count)
            let slash = tail.firstIndex(of: "/") ?? tail.endIndex
            // The whole path was decoded once already, so this cannot fail.
            let pattern = percentDecoded(tail[..<slash]) ?? ""
            guard Selector(pattern: pattern, browser: "", version: "") != nil, !pattern.isEmpty else {
                throw .badRequest("A label is 1 to 8 words of letters, digits, `.`, `_` and `-`, joined by `:`")
            }
            self = .pool(pattern: pattern, rest: slash == tail.endIndex ? "/" : String(tail[slash...]))
        default:
            throw Refusal(
                .notFound,
                "Nothing is served on this path; connect to / (Playwright) or to /pool/<label> (any pool)")
        }
        guard head.method == "GET" else { throw .wrongMethod(head.method, allowed: "GET") }
    }
}

/// True where a segment, once decoded, would climb out of the path it stands in, or does not decode at all. A backslash
/// counts as a slash, as URL parsers of browsers and node take it.
private func hasDotSegment(_ path: String) -> Bool {
    guard path.utf8.contains(where: { ".%".utf8.contains($0) }) else { return false }
    return path.split(separator: "/").contains { raw in
        guard let segment = percentDecoded(raw) else { return true }
        let parts = segment.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }
        return parts.count == 1 ? segment == "." || segment == ".." : parts.contains("..")
    }
}

/// Checks the client's side of the WebSocket handshake (RFC 6455, 4.2.1).
func checkHandshake(_ head: RequestHead) throws(Refusal) {
    guard head.list("connection").contains("upgrade"), head.list("upgrade").contains("websocket") else {
        throw Refusal(
            .upgradeRequired,
            "This path takes WebSocket connections; use ws:// instead of http://. A balancer's check is HEAD / or OPTIONS /"
        )
    }
    guard head.value("sec-websocket-version").map(trimmed) == "13" else {
        throw Refusal(.upgradeRequired, "Only version 13 of the WebSocket protocol is served")
    }
    guard let key = head.value("sec-websocket-key"), base64Decoded(key)?.count == 16 else {
        throw Refusal(.upgradeRequired, "The WebSocket handshake lacks a valid Sec-WebSocket-Key")
    }
}
