import QueueCore

/// The wait that one admitted client asks for.
public struct WaitRequest: Hashable, Sendable {
    public let tenant: String
    public let selector: Selector
    public let headStartSeconds: Int
    public let run: String
    public let alias: String
    public let waitMilliseconds: Int
    public let bounds: SessionBounds
    public let kind: ClientKind
    public private(set) var head: ForwardedHead

    package init(
        tenant: String, selector: Selector, headStartSeconds: Int, run: String, alias: String, waitMilliseconds: Int,
        bounds: SessionBounds = .none, kind: ClientKind, head: ForwardedHead
    ) {
        self.tenant = tenant
        self.selector = selector
        self.headStartSeconds = headStartSeconds
        self.run = run
        self.alias = alias
        self.waitMilliseconds = waitMilliseconds
        self.bounds = bounds
        self.kind = kind
        self.head = head
    }

    /// `wait=0`: refuse instead of queueing.
    public var mayWait: Bool { waitMilliseconds > 0 }

    /// Frees the head's memory once a worker has the head.
    public mutating func dropHead() { head = .none }
}

/// Judges request heads: path, options, tenant, selector. A request that can never be served is refused here.
public struct Admission: Sendable {
    public var tenancy: Tenancy
    /// The browser of a Playwright client that names none.
    public let defaultBrowser: String
    /// While true, new clients are refused, and a balancer's check is answered with 503.
    public var isDraining = false
    /// `nil` until the gateway has heard of the fleet's pools.
    public var directory: PoolDirectory?

    public init(tenancy: Tenancy, defaultBrowser: String) {
        self.tenancy = tenancy
        self.defaultBrowser = defaultBrowser
    }

    /// The first half: everything but the key.
    public enum Reading: Sendable {
        /// An answer of the gateway's own.
        case respond([UInt8])
        /// A client for the queue: call `admit` next.
        case visit(Visit)
    }

    /// A request between `read` and `admit`. The caller hashes `credential` and keeps no copy.
    public struct Visit: Sendable {
        public let credential: [UInt8]?
        let head: RequestHead
        let route: Route
        let audience: Audience
        let options: RequestOptions
    }

    /// - Parameter leftover: how many bytes came after the head.
    public func read(_ head: RequestHead, leftover: Int) throws(Refusal) -> Reading {
        // A check needs neither a key nor a known Host, because its answer tells only that the port is open.
        if head.isCheck { return .respond(httpResponse(status: isDraining ? 503 : 204, headers: [], body: "")) }
        try tenancy.checkSource(head)
        let route = try Route(head)
        guard leftover == 0 else { throw .bytesBehindHead }
        let audience: Audience
        switch route.service {
        case .check, .discovery: return .respond(Discovery.version(head, directory))
        case .targets: return .respond(Discovery.targets())
        case .description: throw .noProtocolDescription
        case .slot(let clients): audience = clients
        }
        try checkHandshake(head)
        let options = try RequestOptions(head)
        return .visit(
            Visit(
                credential: try credential(of: head, options: options), head: head, route: route, audience: audience,
                options: options))
    }

    /// The second half: the tenant, the selector and the wait.
    /// - Parameters:
    ///   - keyHash: SHA-256 of the credential in lower-case hex; `nil` without one.
    ///   - peer: the client's address without its port.
    public func admit(_ visit: Visit, keyHash: String?, peer: String) throws(Refusal) -> WaitRequest {
        let (head, options) = (visit.head, visit.options)
        let tenant = try tenancy.tenant(for: head, keyHash: keyHash)
        let selector = try selector(of: visit, tenant)
        if isDraining { throw .shuttingDown }
        let kind = ClientKind(head, selector.slotProtocol)
        // A browser's own endpoint has an address without a query.
        let isBrowsers = [.cdp, .bidi].contains(selector.slotProtocol)
        let query = options.remainingQuery.isEmpty || isBrowsers ? "" : "?" + options.remainingQuery
        return WaitRequest(
            tenant: tenant.name, selector: selector,
            headStartSeconds: min(options.prioritySeconds, tenant.limits.priorityMaxSeconds), run: options.run,
            alias: options.alias,
            waitMilliseconds: min(options.waitMilliseconds ?? kind.waitMilliseconds, tenant.limits.waitMaxMilliseconds),
            bounds: options.bounds, kind: kind,
            head: ForwardedHead(
                head, target: visit.route.rest + query, peer: peer, run: options.run,
                wantsProtocolLog: options.wantsProtocolLog))
    }

    private func selector(of visit: Visit, _ tenant: Tenant) throws(Refusal) -> Selector {
        let asked = visit.options.label
        if let label = visit.route.label, !asked.isEmpty, asked != label {
            throw .badRequest("The path and the option label name different labels")
        }
        let label = visit.route.label ?? (asked.isEmpty ? tenant.label : asked)
        let wanted = try visit.audience.wanted(
            by: visit.head, visit.options, defaultBrowser: defaultBrowser)
        guard
            let selector = Selector(
                pattern: label, browser: wanted.browser, version: wanted.version, slotProtocol: wanted.slotProtocol)
        else { throw .badLabel }
        return selector
    }
}

extension Refusal {
    /// Refused, because the bytes could be a second request. A client sends nothing more until it has its 101.
    public static let bytesBehindHead = Refusal.badRequest("Bytes came behind the request head before it was answered")
}
