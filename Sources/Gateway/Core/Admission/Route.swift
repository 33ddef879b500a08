import HTTPCore
import QueueCore

/// The endpoint of a request, and the parts of its path. Admission answers balancers' checks before.
struct Route: Hashable, Sendable {
    let service: Endpoint.Service
    /// The segment that the path names, such as a label pattern or an id; `nil` if it names none.
    let name: String?
    /// The path that reaches the sidecar.
    let rest: String
    /// The label pattern in the path; `nil` if the path has none.
    var label: String? { service == .slot(.any) ? name : nil }

    init(_ head: RequestHead) throws(Refusal) {
        guard !hasDotSegment(head.path) else {
            throw .badRequest("The request target has `.` or `..` segments, or is not percent-encoded correctly")
        }
        let found = Endpoint.serving(head.path)
        guard !found.isEmpty else {
            throw Refusal(.notFound, "Nothing is served on this path; the paths are \(Endpoint.slotPaths)")
        }
        guard let (endpoint, parts) = found.first(where: { $0.endpoint.method == head.method }) else {
            if found[0].endpoint.service == .slot(.bidi), head.method == "POST" { throw .classicWebDriver }
            throw .wrongMethod(head.method, allowed: found.map(\.endpoint.method).joined(separator: ", "))
        }
        service = endpoint.service
        // `hasDotSegment` decoded the whole path, so this cannot fail.
        name = parts.name.map { percentDecoded($0) ?? "" }
        rest = parts.rest
        if service == .slot(.any), Selector(pattern: name ?? "") == nil { throw .badLabel }
    }
}

/// True if a decoded segment leads out of its parent, or if a segment does not decode.
///
/// A backslash counts as a slash, because URL parsers of browsers and node read it so.
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
        let checks = Endpoint.checks.map { "\($0.method) \($0.paths[0].text)" }.joined(separator: " or ")
        throw Refusal(
            .upgradeRequired,
            "This path takes WebSocket connections; use ws:// instead of http://. A balancer's check is \(checks)")
    }
    guard head.value("sec-websocket-version").map(trimmed) == "13" else {
        throw Refusal(.upgradeRequired, "Only version 13 of the WebSocket protocol is served")
    }
    guard let key = head.value("sec-websocket-key"), base64Decoded(key)?.count == 16 else {
        throw Refusal(.upgradeRequired, "The WebSocket handshake lacks a valid Sec-WebSocket-Key")
    }
}

extension Refusal {
    static let classicWebDriver = Refusal(
        .badRequest,
        "Classic WebDriver is not served; for WebDriver BiDi connect a WebSocket to \(Endpoint.path(of: .bidi))",
        status: 405, headers: ["Allow: GET"])
    static let noProtocolDescription = Refusal(
        .notFound, "The gateway has no description of the protocol; npm's package devtools-protocol has it")
    static let badLabel = Refusal.badRequest(
        "A label is 1 to 8 words of letters, digits, `.`, `_` and `-`, joined by `:`")
}
