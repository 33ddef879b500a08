/// Decides which of the waiting tenants is served first.
public enum Policy: String, Hashable, Sendable, CaseIterable {
    /// By arrival, minus head start.
    case fifo
    /// Like `fifo`, but each held slot, divided by the tenant's weight, counts as one minute of waiting less.
    case fair
}

/// The settings in a gateway's configuration file that apply to the whole fleet.
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
    /// Labels, or `label|browser`, of pools that may have no worker yet. A client that asks for such a pool waits.
    public var scaleFromZero: [String]
    /// Most clients waiting at once, all tenants together.
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

    /// The settings as rows: name and text.
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
    /// The text that the scripts read.
    public var words: String {
        [cap, queueMax, waitMaxMilliseconds, priorityMaxSeconds, weight, guarantee].map { String($0) }
            .joined(separator: ",")
    }
}

/// A setting of the fleet: its name, and its value or its complete row in Redis.
public struct SettingRow: Hashable, Sendable {
    public let name: String
    public let text: String

    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }

    /// The higher version in a row of Redis, `declared version ordered version`. 0 if the text is not such a row.
    var version: Int64 {
        let words = text.split(separator: " ")
        guard words.count == 4 else { return 0 }
        return max(Int64(words[1]) ?? 0, Int64(words[3]) ?? 0)
    }

    /// True if neither a file nor an operator sets the value any more.
    var isWithdrawn: Bool { text.hasPrefix("- ") && text.split(separator: " ").dropFirst(2).first == "-" }
}

/// A gateway's copy of the fleet's settings, to send them again if Redis lost them.
public struct SettingsBook {
    private var texts: [String: String] = [:]
    /// The highest version that was read. Only newer rows are requested.
    public private(set) var version: Int64 = 0

    public init() {}

    /// All rows, sorted by name.
    public var rows: [SettingRow] {
        texts.sorted { $0.key < $1.key }.map { SettingRow(name: $0.key, text: $0.value) }
    }

    /// Stores rows newer than `version`, oldest first.
    public mutating func heard(_ rows: [SettingRow]) {
        for row in rows {
            texts[row.name] = row.text
            version = max(version, row.version)
        }
        // Keep withdrawn rows while there is room, so that an old row from another gateway does not restore the
        // setting.
        if texts.count > QueueLimits.settingsMax {
            texts = texts.filter { !SettingRow(name: $0.key, text: $0.value).isWithdrawn }
        }
    }
}
