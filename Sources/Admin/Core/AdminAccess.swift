import HTTPCore

/// Decides who may use the admin listener.
///
/// With a token, a request needs it. Without one the listener is on loopback, and serves only requests whose Host is a
/// literal loopback address, so that no web page reaches it by a name of its own (DNS rebinding). A page of another
/// origin is always refused. What changes something needs a header that no page can send unasked.
package struct AdminAccess: Sendable {
    /// A browser's EventSource can send no other form than Basic.
    static let challenge = #"WWW-Authenticate: Basic realm="berth", charset="UTF-8""#
    package static let changeHeader = "x-berth-admin"

    private let hasToken: Bool

    package init(hasToken: Bool) { self.hasToken = hasToken }

    /// The token of a request: Bearer's, or the password of Basic. Empty for none.
    package static func token(of head: RequestHead) -> [UInt8] {
        guard let field = head.value("authorization").map(trimmed), let space = field.firstIndex(of: " ") else {
            return []
        }
        let rest = trimmed(field[space...])
        switch field[..<space].lowercased() {
        case "bearer": return Array(rest.utf8)
        case "basic": return (base64Decoded(rest) ?? []).drop { $0 != 0x3A }.dropFirst().map { $0 }
        default: return []
        }
    }

    /// - Parameter isToken: the request's token is the configured one.
    package func check(_ head: RequestHead, _ endpoint: AdminEndpoint, isToken: Bool) throws(AdminRefusal) {
        if endpoint.isOpen { return }
        let host = head.value("host").flatMap(Authority.init)
        if hasToken {
            guard isToken else {
                throw AdminRefusal(
                    .unauthorized,
                    "This needs the admin token: Authorization: Bearer, or Basic with it as the password",
                    headers: [AdminAccess.challenge])
            }
        } else if host?.isLoopback != true {
            throw AdminRefusal(
                .forbidden, "Without an admin token only http://127.0.0.1 and http://localhost are answered")
        }
        if let origin = head.value("origin") {
            guard let host, WebOrigin(origin)?.isOwn(of: host) == true else {
                throw AdminRefusal(.forbidden, "A page of another origin asked")
            }
        }
        if case .change = endpoint.service, head.value(AdminAccess.changeHeader) == nil {
            throw AdminRefusal(.forbidden, "A change needs the header \(AdminAccess.changeHeader), with any value")
        }
    }
}
