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
    /// Origins of web pages that may connect; `*` for all.
    public let allowedOrigins: Set<String>
    /// Open mode answers foreign Host names too: the operator bound it to more than loopback, on purpose.
    public let allowsForeignHosts: Bool
    private let byName: [String: Int]

    /// - Parameter allowsForeignHosts: means something in open mode only.
    public init(
        tenants: [Tenant], defaultLimits: TenantLimits = .default, allowedOrigins: Set<String> = [],
        allowsForeignHosts: Bool = false, policy: Policy = .fifo, scaleFromZero: [String] = [],
        queueMax: Int = QueueLimits.waitersMax
    ) {
        self.tenants = tenants
        self.defaultLimits = defaultLimits
        self.allowedOrigins = allowedOrigins
        self.allowsForeignHosts = allowsForeignHosts
        self.policy = policy
        self.scaleFromZero = scaleFromZero
        self.queueMax = queueMax
        byName = Dictionary(tenants.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// No keys are configured: whoever reaches the listener is let in.
    public var isOpen: Bool { tenants.allSatisfy(\.keyHashes.isEmpty) }

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
            guard let tenant = tenant(keyHash: keyHash) else {
                throw Refusal(.unauthorized, "This key is not known here")
            }
            return tenant
        }
        let named = head.values("x-berth-tenant")
        guard named.count <= 1 else { throw .badRequest("The header x-berth-tenant is given twice") }
        let name = named.first ?? "default"
        guard isName(name) else {
            throw .badRequest("A tenant's name is 1 to 64 letters, digits, `.`, `_` and `-`")
        }
        return tenant(named: name)
    }

    /// Looks at every key whatever matches, so that the time taken tells nothing.
    private func tenant(keyHash: String) -> Tenant? {
        var found: Int?
        for (index, tenant) in tenants.enumerated() {
            for known in tenant.keyHashes where equalInConstantTime(known, keyHash) { found = index }
        }
        return found.map { tenants[$0] }
    }

    /// Refuses web pages that are not listed and, in open mode, names that DNS rebinding could bring here.
    func checkSource(_ head: RequestHead) throws(Refusal) {
        if isOpen, !allowsForeignHosts, !isLoopbackHost(head.value("host") ?? "") {
            throw Refusal(
                .forbidden, "Without keys only 127.0.0.1, [::1] and localhost are answered; connect to one of them")
        }
        guard let origin = head.value("origin") else { return }
        guard allowedOrigins.contains("*") || allowedOrigins.contains(origin) else {
            throw Refusal(.forbidden, "Web pages of this origin may not connect; list it under allowed origins")
        }
    }
}

private func equalInConstantTime(_ a: String, _ b: String) -> Bool {
    guard a.utf8.count == b.utf8.count else { return false }
    return zip(a.utf8, b.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}

/// True for `localhost`, 127.x.x.x and `[::1]`, with or without a port.
func isLoopbackHost(_ host: String) -> Bool {
    let name: Substring
    if host.hasPrefix("[") {
        guard let end = host.firstIndex(of: "]") else { return false }
        guard isPort(host[host.index(after: end)...]) else { return false }
        name = host[...end]
    } else {
        let colon = host.firstIndex(of: ":") ?? host.endIndex
        guard isPort(host[colon...]) else { return false }
        name = host[..<colon]
    }
    if name == "[::1]" || name.lowercased() == "localhost" { return true }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127"
        && parts.allSatisfy { (1...3).contains($0.utf8.count) && UInt8($0) != nil && !$0.hasPrefix("+") }
}

/// True for nothing at all, or a colon with a port behind it.
private func isPort(_ text: Substring) -> Bool {
    text.isEmpty
        || text.first == ":" && text.utf8.count <= 6 && text.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) }
}
