import HTTPCore
import QueueCore

/// One tenant as configured.
public struct Tenant: Hashable, Sendable {
    public let name: String
    /// The SHA-256 of each key, in 64 lower-case hex digits.
    public let keyHashes: [String]
    public let limits: TenantLimits
    /// The label of a request that names none; empty for any.
    public let label: String

    public init(name: String, keyHashes: [String], limits: TenantLimits, label: String = "") {
        self.name = name
        self.keyHashes = keyHashes
        self.limits = limits
        self.label = label
    }
}

extension TenantLimits {
    /// The connections of a tenant at one gateway beyond `cap` and `queueMax`: those that begin or end.
    public static let spareConnections = 50

    /// The most connections at one gateway.
    public var connectionsMax: Int { parkedMax ?? queueMax + cap + TenantLimits.spareConnections }
}

/// Decides which requests are let in, and for which tenant.
public struct Tenancy: Hashable, Sendable {
    public let tenants: [Tenant]
    /// The limits of a tenant that is not configured. Only open mode has such tenants.
    public let defaultLimits: TenantLimits
    /// The order among tenants.
    public let policy: Policy
    /// Labels of pools that may have no worker yet.
    public let scaleFromZero: [String]
    /// The most clients of all tenants that wait at once.
    public let queueMax: Int
    /// Origins of web pages that may connect, normalised; `*` for all.
    public let allowedOrigins: Set<String>
    /// If true, open mode answers foreign Host names too, because the operator chose to listen beyond loopback.
    public let allowsForeignHosts: Bool
    public let trustedProxies: TrustedProxies
    private let byName: [String: Int]
    /// Tenants by the hash of each key.
    ///
    /// The lookup does not compare in constant time. Its time depends on a SHA-256, which the sender cannot choose, so
    /// the time tells nothing about a key.
    private let byKeyHash: [String: Int]

    /// - Parameter allowsForeignHosts: used in open mode only.
    public init(
        tenants: [Tenant], defaultLimits: TenantLimits = .default, allowedOrigins: Set<String> = [],
        allowsForeignHosts: Bool = false, policy: Policy = .fifo, scaleFromZero: [String] = [],
        queueMax: Int = QueueLimits.waitersMax, trustedProxies: TrustedProxies = .none
    ) {
        self.tenants = tenants
        self.defaultLimits = defaultLimits
        self.allowedOrigins = Set(allowedOrigins.map(WebOrigin.normalised))
        self.allowsForeignHosts = allowsForeignHosts
        self.policy = policy
        self.scaleFromZero = scaleFromZero
        self.queueMax = queueMax
        self.trustedProxies = trustedProxies
        byName = Dictionary(tenants.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        byKeyHash = Dictionary(
            tenants.enumerated().flatMap { index, tenant in tenant.keyHashes.map { ($0, index) } },
            uniquingKeysWith: { first, _ in first })
        isOpen = byKeyHash.isEmpty
    }

    /// No keys are configured: every client that reaches the listener is let in.
    public let isOpen: Bool

    /// The tenant as configured, else one of that name with the default limits and no keys.
    public func isConfigured(_ name: String) -> Bool { byName[name] != nil }

    public func tenant(named name: String) -> Tenant {
        byName[name].map { tenants[$0] } ?? Tenant(name: name, keyHashes: [], limits: defaultLimits)
    }

    /// The tenant of a request.
    /// - Parameter keyHash: SHA-256 of the request's credential in lower-case hex; `nil` without one.
    func tenant(for head: RequestHead, keyHash: String?) throws(Refusal) -> Tenant {
        guard isOpen else {
            guard let keyHash else {
                throw Refusal(
                    .unauthorized, "A key is needed: Authorization: Bearer <key>, ws://<key>@host/ or ?token=<key>")
            }
            guard let index = byKeyHash[keyHash] else { throw Refusal(.unauthorized, "This key is not known here") }
            return tenants[index]
        }
        let named = head.values("x-berth-tenant")
        guard named.count <= 1 else { throw .badRequest("The header x-berth-tenant is given twice") }
        let name = named.first ?? "default"
        guard isName(name) else {
            throw .badRequest("A tenant's name is 1 to 64 letters, digits, `.`, `_` and `-`")
        }
        return tenant(named: name)
    }

    /// Refuses web pages whose origin is not listed and, in open mode, Host names that DNS rebinding could use.
    func checkSource(_ head: RequestHead) throws(Refusal) {
        let host = Authority(head.value("host") ?? "")
        if isOpen, !allowsForeignHosts, host?.isLoopback != true {
            throw Refusal(
                .forbidden, "Without keys only 127.0.0.1, [::1] and localhost are answered; connect to one of them")
        }
        guard let origin = head.value("origin") else { return }
        if allowedOrigins.contains("*") || allowedOrigins.contains(WebOrigin.normalised(origin)) { return }
        if let host, let origin = WebOrigin(origin), isOwnPage(origin, of: host, head) { return }
        throw Refusal(
            .forbidden,
            "Web pages of this origin may not connect; list it under gateway.origins. A program that is no page leaves "
                + "the Origin header out (websocket-client: suppress_origin=True)")
    }

    /// True if Origin and Host are equal and prove that the page came from this host.
    ///
    /// Some WebSocket libraries send their target as the Origin. Equal names alone prove nothing, because a page that
    /// uses DNS rebinding has its own name in both headers. Equal names count if a key is needed too, because a browser
    /// adds keys only for the true name. They also count if the Host is an address or `localhost`, because DNS cannot
    /// rebind those.
    private func isOwnPage(_ origin: WebOrigin, of host: Authority, _ head: RequestHead) -> Bool {
        // A page that came unencrypted may have been changed on its way. It must not use the keys of the encrypted
        // name.
        if head.isHTTPS, origin.scheme != "https" { return false }
        return origin.isOwn(of: host) && (!isOpen || host.isAddress || host.isLoopback)
    }
}
