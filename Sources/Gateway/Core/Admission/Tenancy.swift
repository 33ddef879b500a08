import QueueCore

/// One tenant as configured.
public struct Tenant: Hashable, Sendable {
    public let name: String
    /// SHA-256 of its keys, 64 lower-case hex digits each.
    public let keyHashes: [String]
    public let limits: TenantLimits
    /// The label its requests ask for where they name none; empty for any.
    public let label: String

    public init(name: String, keyHashes: [String], limits: TenantLimits, label: String = "") {
        self.name = name
        self.keyHashes = keyHashes
        self.limits = limits
        self.label = label
    }
}

extension TenantLimits {
    /// Connections beyond `cap` and `queueMax` that a tenant may have at one gateway: those on their way in or out.
    public static let spareConnections = 50

    /// Most connections at one gateway.
    public var connectionsMax: Int { parkedMax ?? queueMax + cap + TenantLimits.spareConnections }
}

/// Who may come in, from where, and as whom.
public struct Tenancy: Hashable, Sendable {
    public let tenants: [Tenant]
    /// For tenants that are not configured; only open mode knows such.
    public let defaultLimits: TenantLimits
    /// Who goes first among tenants.
    public let policy: Policy
    /// Labels of pools that may have no worker yet.
    public let scaleFromZero: [String]
    /// Most clients waiting at once, of all tenants.
    public let queueMax: Int
    /// Origins of web pages that may connect, each in its one form; `*` for all.
    public let allowedOrigins: Set<String>
    /// Open mode answers foreign Host names too: the operator bound it to more than loopback, on purpose.
    public let allowsForeignHosts: Bool
    private let byName: [String: Int]
    /// Tenants by the hash of each of their keys.
    ///
    /// The lookup needs no comparison in constant time: its time depends on a SHA-256 that the sender cannot choose, so
    /// it tells nothing about a key.
    private let byKeyHash: [String: Int]

    /// - Parameter allowsForeignHosts: means something in open mode only.
    public init(
        tenants: [Tenant], defaultLimits: TenantLimits = .default, allowedOrigins: Set<String> = [],
        allowsForeignHosts: Bool = false, policy: Policy = .fifo, scaleFromZero: [String] = [],
        queueMax: Int = QueueLimits.waitersMax
    ) {
        self.tenants = tenants
        self.defaultLimits = defaultLimits
        self.allowedOrigins = Set(allowedOrigins.map(WebOrigin.normalised))
        self.allowsForeignHosts = allowsForeignHosts
        self.policy = policy
        self.scaleFromZero = scaleFromZero
        self.queueMax = queueMax
        byName = Dictionary(tenants.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        byKeyHash = Dictionary(
            tenants.enumerated().flatMap { index, tenant in tenant.keyHashes.map { ($0, index) } },
            uniquingKeysWith: { first, _ in first })
        isOpen = byKeyHash.isEmpty
    }

    /// No keys are configured: whoever reaches the listener is let in.
    public let isOpen: Bool

    /// The tenant as configured, else one of that name with the default limits and no keys.
    public func tenant(named name: String) -> Tenant {
        byName[name].map { tenants[$0] } ?? Tenant(name: name, keyHashes: [], limits: defaultLimits)
    }

    /// Who a request speaks for.
    /// - Parameter keyHash: SHA-256 of the credential the request brought, in lower-case hex.
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

    /// Refuses web pages that are not listed and, in open mode, names that DNS rebinding could bring here.
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

    /// True if the page, or the program that claims to be one, was served by the host that it asks.
    ///
    /// Some WebSocket libraries send their target as the Origin. An equal name alone proves nothing: a page that DNS
    /// rebinding brings here has its own name in both headers. Equality counts if the request needs a key all the same,
    /// because keys that a browser adds by itself belong to the true name. It also counts if the Host is an address or
    /// `localhost`, because DNS cannot rebind those.
    private func isOwnPage(_ origin: WebOrigin, of host: Authority, _ head: RequestHead) -> Bool {
        // A page that came unencrypted could be anybody's on the way; it must not use the encrypted name's keys.
        if head.value("x-forwarded-proto") == "https", origin.scheme != "https" { return false }
        return origin.isOwn(of: host) && (!isOpen || host.isAddress || host.isLoopback)
    }
}
