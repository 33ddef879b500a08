/// Who goes first among the tenants that wait.
public enum Policy: String, Hashable, Sendable, CaseIterable {
    /// By arrival, less head start.
    case fifo
    /// A slot held, per weight, counts as much as a minute of waiting.
    case fair
}

/// What a gateway's configuration file says to the whole fleet.
public struct Declaration: Hashable, Sendable {
    /// One tenant's limits.
    public struct Row: Hashable, Sendable {
        public let tenant: String
        public var limits: TenantLimits

        public init(tenant: String, limits: TenantLimits) {
            self.tenant = tenant
            self.limits = limits
        }
    }

    public var policy: Policy
    /// For tenants without limits of their own.
    public var defaults: TenantLimits
    public var tenants: [Row]
    /// Labels, or `label|browser`, of pools that may have no worker yet: who asks for them waits.
    public var scaleFromZero: [String]
    /// Most clients waiting at once, of all tenants.
    public var queueMax: Int

    public init(
        policy: Policy = .fifo, defaults: TenantLimits = .default, tenants: [Row] = [], scaleFromZero: [String] = [],
        queueMax: Int = QueueLimits.waitersMax
    ) {
        self.policy = policy
        self.defaults = defaults
        self.tenants = tenants
        self.scaleFromZero = scaleFromZero
        self.queueMax = queueMax
    }

    /// As rows of the fleet's settings: name, words.
    public var rows: [SettingRow] {
        [
            SettingRow(name: "policy", text: policy.rawValue), SettingRow(name: "queue", text: String(queueMax)),
            SettingRow(name: "tenant:*", text: defaults.words),
        ]
            + tenants.map { SettingRow(name: "tenant:\($0.tenant)", text: $0.limits.words) }
            + scaleFromZero.map { SettingRow(name: "zero:\($0)", text: "1") }
    }
}

extension TenantLimits {
    /// As the scripts read them.
    public var words: String {
        [cap, queueMax, waitMaxMilliseconds, priorityMaxSeconds, weight, guarantee].map { String($0) }
            .joined(separator: ",")
    }
}

/// A setting of the fleet: its name, and words or a whole row of Redis'.
public struct SettingRow: Hashable, Sendable {
    public let name: String
    public let text: String

    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    /// Of a row of Redis', `declared version ordered version`: the higher version. 0 where it is no such row.
    var version: Int64 {
        let words = text.split(separator: " ")
        guard words.count == 4 else { return 0 }
        return max(Int64(words[1]) ?? 0, Int64(words[3]) ?? 0)
    }

    /// Says nothing any more.
    var isWithdrawn: Bool { text.hasPrefix("- ") && text.split(separator: " ").dropFirst(2).first == "-" }
}

/// What a gateway remembers of the fleet's settings, to bring them back where Redis lost them.
public struct SettingsBook {
    private var texts: [String: String] = [:]
    /// The highest version heard of; newer ones are asked for.
    public private(set) var version: Int64 = 0

    public init() {}

    /// Every row, by name.
    public var rows: [SettingRow] {
        texts.sorted { $0.key < $1.key }.map { SettingRow(name: $0.key, text: $0.value) }
    }

    /// Takes rows newer than `version`, oldest first.
    public mutating func heard(_ rows: [SettingRow]) {
        for row in rows {
            texts[row.name] = row.text
            version = max(version, row.version)
        }
        // What was taken back is kept as long as there is room: an old row must not come back from elsewhere.
        if texts.count > QueueLimits.settingsMax {
            texts = texts.filter { !SettingRow(name: $0.key, text: $0.value).isWithdrawn }
        }
    }
}
