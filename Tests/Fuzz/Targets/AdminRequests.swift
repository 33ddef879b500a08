import AdminCore
import HTTPCore
import QueueCore

private let token = Array("0123456789abcdef".utf8)

/// A request reaches what needs the token, or loopback, only with it, and an operator's order only with the header that
/// no page can send unasked. Each request is judged by a listener with a token and by one without.
func letsOnlyOperatorsIn(_ bytes: [UInt8]) -> String? {
    var reader = RequestReader()
    var step = reader.feed(bytes)
    if step == .expectsAnswer { step = reader.feed([]) }
    guard case .request(let request) = step else { return nil }
    for hasToken in [true, false] {
        do throws(AdminRefusal) {
            if let objection = try objection(to: request, hasToken: hasToken) { return objection }
        } catch {
            guard error.response.starts(with: "HTTP/1.1 ".utf8), !error.message.isEmpty else {
                return "the refusal is no response"
            }
        }
    }
    return nil
}

private func objection(to request: RequestReader.Request, hasToken: Bool) throws(AdminRefusal) -> String? {
    let head = request.head
    let (endpoint, _) = try AdminEndpoint.of(method: head.method, path: head.path)
    let isToken = hasToken && AdminAccess.token(of: head) == token
    try AdminAccess(hasToken: hasToken).check(head, endpoint, isToken: isToken)
    if !endpoint.isOpen {
        if hasToken, !isToken { return "a request without the token is let in" }
        if !hasToken, head.value("host").flatMap(Authority.init)?.isLoopback != true { return "a stranger is let in" }
    }
    _ = try AdminQuery(head.query, for: endpoint.service)
    guard case .change(let change) = endpoint.service else { return nil }
    if head.value(AdminAccess.changeHeader) == nil { return "an order without its header is let in" }
    guard case .setTenant = change else { return nil }
    let limits = try TenantOrder.limits(request.body, from: .default)
    let numbers = [
        limits.cap, limits.queueMax, limits.waitMaxMilliseconds, limits.priorityMaxSeconds, limits.weight,
        limits.guarantee,
    ]
    guard limits.guarantee <= limits.cap, limits.weight >= 1, numbers.allSatisfy({ $0 >= 0 }) else {
        return "limits that contradict each other are ordered"
    }
    return nil
}
