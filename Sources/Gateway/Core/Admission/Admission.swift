import HTTPCore
import QueueCore

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
        /// A client for the queue, or an order: call `admit` next.
        case visit(Visit)
    }

    /// A request between `read` and `admit`. The caller hashes `credential` and keeps no copy.
    public struct Visit: Sendable {
        public let credential: [UInt8]?
        /// The session that `ticket` is for. The caller checks the ticket.
        public let ticket: (lease: LeaseID, text: String)?
        let head: RequestHead
        let route: Route
        let options: RequestOptions
    }

    /// The kinds of admitted requests.
    public enum Admitted: Sendable {
        case wait(WaitRequest)
        case attach(AttachRequest)
        case call(APICall, tenant: String)
    }

    package func read(_ request: RequestReader.Request) throws(Refusal) -> Reading {
        let head = request.head
        // A check needs neither a key nor a known Host, because its answer tells only that the port is open.
        if head.isCheck { return .respond(httpResponse(status: isDraining ? 503 : 204, body: "")) }
        try tenancy.checkSource(head)
        let route = try Route(head)
        guard request.leftover == 0 else { throw .bytesBehindHead }
        guard route.service == .borrow || request.body.isEmpty else {
            throw .badRequest("This request takes no body", status: 413)
        }
        switch route.service {
        case .check, .discovery: return .respond(Discovery.version(head, directory))
        case .targets: return .respond(Discovery.targets())
        case .description: throw .noProtocolDescription
        case .slot, .attach: try checkHandshake(head)
        case .borrow, .call: break
        }
        let options = try RequestOptions(head, body: route.service == .borrow ? request.body : [])
        if options.parks, !route.service.waits {
            throw .badRequest("The option park is for a connection that waits for a slot")
        }
        var ticket: (lease: LeaseID, text: String)?
        if route.service == .attach, let text = options.ticket { ticket = (try sessionID(route.name ?? ""), text) }
        return .visit(
            Visit(
                credential: try credential(of: head, options: options), ticket: ticket, head: head, route: route,
                options: options))
    }

    /// The second half: the tenant, and what the request asks for.
    /// - Parameters:
    ///   - keyHash: SHA-256 of the credential in lower-case hex; `nil` without one.
    ///   - peer: the client's address without its port.
    ///   - hasTicket: the visit's ticket is right. A ticket replaces the key.
    public func admit(
        _ visit: Visit, keyHash: String?, peer: String, hasTicket: Bool = false
    ) throws(Refusal) -> Admitted {
        if visit.ticket != nil {
            guard hasTicket else { throw Refusal(.forbidden, "The ticket is not one for this session") }
            return .attach(try attachment(visit, tenant: "", peer: peer))
        }
        let tenant = try tenancy.tenant(for: visit.head, keyHash: keyHash)
        switch visit.route.service {
        case .attach: return .attach(try attachment(visit, tenant: tenant.name, peer: peer))
        case .call(let verb):
            let call = try APICall(
                verb, name: visit.route.name ?? "", visit.options, defaultLabel: tenant.label)
            return .call(call, tenant: tenant.name)
        case .borrow:
            let purpose: WaitRequest.Purpose = visit.options.holds ? .hold : .borrow
            return .wait(try wait(visit, for: .any, purpose, tenant, peer: peer))
        case .slot(let audience): return .wait(try wait(visit, for: audience, .connect, tenant, peer: peer))
        case .check, .discovery, .targets, .description:
            preconditionFailure("`read` answers these itself")
        }
    }

    /// The tenant of a visit for a slot or a session; `nil` for other visits, and if the tenant is not known.
    public func asker(of visit: Visit, keyHash: String?) -> String? {
        if case .call = visit.route.service { return nil }
        // A ticket names a session, whose tenant only Redis knows.
        if visit.ticket != nil { return nil }
        return try? tenancy.tenant(for: visit.head, keyHash: keyHash).name
    }

    private func wait(
        _ visit: Visit, for audience: Audience, _ purpose: WaitRequest.Purpose, _ tenant: Tenant, peer: String
    ) throws(Refusal) -> WaitRequest {
        let options = visit.options
        let selector = try selector(of: visit, audience, tenant)
        if isDraining { throw .shuttingDown }
        if purpose != .connect, !options.remainingQuery.isEmpty {
            throw .badRequest("The query has a parameter that this request does not have")
        }
        if purpose == .hold, options.keepSeconds > 0 {
            throw .badRequest(
                "A slot that is held by its response is not kept after it: hold and keep exclude each other")
        }
        let kind = ClientKind(visit.head, selector.slotProtocol)
        return WaitRequest(
            tenant: tenant.name, selector: selector, purpose: purpose,
            headStartSeconds: min(options.prioritySeconds, tenant.limits.priorityMaxSeconds), run: options.run,
            alias: options.alias,
            waitMilliseconds: min(options.waitMilliseconds ?? kind.waitMilliseconds, tenant.limits.waitMaxMilliseconds),
            bounds: options.bounds, keepSeconds: options.keepSeconds, kind: kind, address: peer, parks: options.parks,
            borrowAddress: purpose == .borrow ? BorrowAddress(visit.head, options) : nil,
            traceID: traceID(visit.head.value("traceparent") ?? ""),
            head: head(of: visit, purpose, to: selector.slotProtocol, peer: peer))
    }

    private func attachment(_ visit: Visit, tenant: String, peer: String) throws(Refusal) -> AttachRequest {
        if isDraining { throw .shuttingDown }
        return AttachRequest(
            lease: try sessionID(visit.route.name ?? ""), tenant: tenant, bounds: visit.options.bounds,
            head: head(of: visit, .connect, to: nil, peer: peer))
    }

    private func head(
        of visit: Visit, _ purpose: WaitRequest.Purpose, to slotProtocol: SlotProtocol?, peer: String
    ) -> ForwardedHead {
        switch purpose {
        case .connect: break
        case .borrow: return .none
        case .hold: return .ofHolder
        }
        // A browser's own endpoint has an address without a query.
        let isBrowsers = [.cdp, .bidi].contains(slotProtocol)
        let query = visit.options.remainingQuery
        return ForwardedHead(
            visit.head, target: visit.route.rest + (query.isEmpty || isBrowsers ? "" : "?" + query), peer: peer,
            run: visit.options.run, wantsProtocolLog: visit.options.wantsProtocolLog, parks: visit.options.parks)
    }

    private func selector(of visit: Visit, _ audience: Audience, _ tenant: Tenant) throws(Refusal) -> Selector {
        let asked = visit.options.label
        if let label = visit.route.label, !asked.isEmpty, asked != label {
            throw .badRequest("The path and the option label name different labels")
        }
        let label = visit.route.label ?? (asked.isEmpty ? tenant.label : asked)
        let wanted = try audience.wanted(by: visit.head, visit.options, defaultBrowser: defaultBrowser)
        if visit.options.holds, let named = wanted.slotProtocol, named != .lease {
            throw .badRequest("Only slots of the protocol lease can be held by a response; leave protocol out")
        }
        guard
            let selector = Selector(
                pattern: label, browser: wanted.browser, version: wanted.version,
                slotProtocol: visit.options.holds ? .lease : wanted.slotProtocol)
        else { throw .badLabel }
        return selector
    }
}

extension Refusal {
    /// Refused, because the bytes could be a second request. A client sends nothing more until it has its 101.
    public static let bytesBehindHead = Refusal.badRequest("Bytes came behind the request before it was answered")
}
