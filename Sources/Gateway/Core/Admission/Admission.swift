import QueueCore

/// What one admitted client asks of the queue.
public struct WaitRequest: Hashable, Sendable {
    public let tenant: String
    public let selector: Selector
    public let headStartSeconds: Int
    public let run: String
    public let alias: String
    public let waitMilliseconds: Int
    public let kind: ClientKind
    public private(set) var head: ForwardedHead

    /// `wait=0`: refuse instead of queueing.
    public var mayWait: Bool { waitMilliseconds > 0 }

    /// Lets the head go once a worker has it.
    public mutating func dropHead() { head = .none }
}

/// Judges request heads: route, options, who asks, what for. Everything that can never be served is refused here.
public struct Admission: Sendable {
    public var tenancy: Tenancy
    /// The browser of a Playwright client that names none.
    public let defaultBrowser: String
    /// New clients are refused, and balancers are told to send nobody here.
    public var isDraining = false

    public init(tenancy: Tenancy, defaultBrowser: String) {
        self.tenancy = tenancy
        self.defaultBrowser = defaultBrowser
    }

    /// The first half: everything but the key.
    public enum Reading: Sendable {
        /// An answer of the gateway's own.
        case respond([UInt8])
        /// A client for the queue; go on with `admit`.
        case visit(Visit)
    }

    /// A request on its way in. `credential` is to be hashed and forgotten.
    public struct Visit: Sendable {
        public let credential: [UInt8]?
        let head: RequestHead
        let route: Route
        let options: RequestOptions
    }

    /// - Parameter leftover: bytes that stand behind the head.
    public func read(_ head: RequestHead, leftover: Int) throws(Refusal) -> Reading {
        // The answer says no more than that the port is open, so it needs neither a key nor a known Host.
        if head.isCheck { return .respond(httpResponse(status: isDraining ? 503 : 204, headers: [], body: "")) }
        try tenancy.checkSource(head)
        let route = try Route(head)
        guard leftover == 0 else { throw .bytesBehindHead }
        if route == .discovery { return .respond(discoveryResponse(head)) }
        try checkHandshake(head)
        let options = try RequestOptions(head)
        return .visit(
            Visit(credential: try credential(of: head, options: options), head: head, route: route, options: options))
    }

    /// The second half: who asks, what for, and for how long.
    /// - Parameters:
    ///   - keyHash: SHA-256 of the credential in lower-case hex; `nil` without one.
    ///   - peer: the client's address without its port.
    public func admit(_ visit: Visit, keyHash: String?, peer: String) throws(Refusal) -> WaitRequest {
        let (head, options) = (visit.head, visit.options)
        let tenant = try tenancy.tenant(for: head, keyHash: keyHash)
        let rest: String
        let selector: Selector
        switch visit.route {
        case .pool(let pattern, let path):
            guard options.label.isEmpty || options.label == pattern else {
                throw .badRequest("The path and the option label name different labels")
            }
            selector = try self.selector(pattern: pattern, browser: options.browser ?? "", version: "")
            rest = path
        case .playwright, .discovery:
            selector = try playwrightSelector(head, options, tenant)
            rest = "/"
        }
        if isDraining { throw .shuttingDown }
        let kind = ClientKind(head)
        let query = options.remainingQuery.isEmpty ? "" : "?" + options.remainingQuery
        return WaitRequest(
            tenant: tenant.name, selector: selector,
            headStartSeconds: min(options.prioritySeconds, tenant.limits.priorityMaxSeconds), run: options.run,
            alias: options.alias,
            waitMilliseconds: min(options.waitMilliseconds ?? kind.waitMilliseconds, tenant.limits.waitMaxMilliseconds),
            kind: kind, head: ForwardedHead(head, target: rest + query, peer: peer))
    }

    private func playwrightSelector(
        _ head: RequestHead, _ options: RequestOptions, _ tenant: Tenant
    ) throws(Refusal) -> Selector {
        guard let version = playwrightVersion(userAgent: head.value("user-agent") ?? "") else {
            throw Refusal(
                .upgradeRequired,
                "This path speaks Playwright's protocol; CDP clients such as Puppeteer connect to /cdp, others to "
                    + "/pool/<label>")
        }
        let browser = options.browser ?? head.value("x-playwright-browser") ?? defaultBrowser
        guard Pool.playwrightBrowsers.contains(browser) else {
            throw .badRequest("The browser must be one of chromium, firefox and webkit")
        }
        return try selector(
            pattern: options.label.isEmpty ? tenant.label : options.label, browser: browser, version: version)
    }

    private func selector(pattern: String, browser: String, version: String) throws(Refusal) -> Selector {
        guard let selector = Selector(pattern: pattern, browser: browser, version: version) else {
            throw .badRequest("A label is 1 to 8 words of letters, digits, `.`, `_` and `-`, joined by `:`")
        }
        return selector
    }
}

extension Refusal {
    /// Nothing of a client passes before its session stands; bytes sent ahead could be a second request.
    public static let bytesBehindHead = Refusal.badRequest("Bytes came behind the request head before it was answered")
}
