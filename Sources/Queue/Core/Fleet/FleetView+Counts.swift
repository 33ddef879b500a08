extension FleetView {
    /// A pool with its slots and those who wait for it.
    public struct PoolCount: Hashable, Sendable {
        public let pool: String
        public var slots: [SlotState: Int] = [:]
        /// Clients that would choose this pool first.
        public var waiting = 0
        /// The arrival of the first of them; nil if nobody waits.
        public var oldestMilliseconds: Int64?
        /// How many slots the fleet could use now: slots held and granted, and clients that wait, each tenant up to its
        /// cap.
        public var wanted = 0
        public let isPaused: Bool

        public var slotsTotal: Int { slots.values.reduce(0, +) }
    }

    /// A tenant that holds slots, waits, was served today, or has limits of its own.
    public struct TenantCount: Hashable, Sendable {
        public let tenant: String
        /// A file or an operator sets limits for this tenant.
        public let isConfigured: Bool
        public let limits: TenantLimits
        public var held = 0
        public var waiting = 0
        public var oldestMilliseconds: Int64?
        /// Why its first client waits; nil if none waits.
        public var reason: Place.Reason?
        public var today: Use
    }

    // MARK: settings

    public var policy: Policy { settings["policy"].flatMap(Policy.init) ?? .fifo }
    public var queueMax: Int { settings["queue"].flatMap { Int($0) } ?? QueueLimits.waitersMax }

    /// The names of pauses in force: pools, or labels and with them all their pools.
    public var pauses: [String] { names("pause:").sorted() }

    public func isPaused(_ pool: String) -> Bool {
        settings["pause:\(pool)"] != nil || settings["pause:\(pool.prefix { $0 != "|" })"] != nil
    }

    public func limits(of tenant: String) -> TenantLimits {
        (settings["tenant:\(tenant)"] ?? settings["tenant:*"]).flatMap(TenantLimits.init(words:)) ?? .default
    }

    private func names(_ prefix: String) -> [String] {
        settings.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    // MARK: counts

    /// Slots that each tenant holds.
    public var held: [String: Int] {
        slots.reduce(into: [:]) { if !$1.tenant.isEmpty { $0[$1.tenant, default: 0] += 1 } }
    }

    /// Waiting clients by the first reason that applies. Those of suspended gateways are left out.
    public var reasons: [Place.Reason: Int] {
        let reason = reasonOf()
        return queues.reduce(into: [:]) { $0[reason($1), default: 0] += $1.count }
    }

    /// Why the clients of a queue wait; the same reasons as a client is told.
    public func reasonOf() -> (Queue) -> Place.Reason {
        let held = held
        var served: Set<String> = []
        for worker in workers where !worker.isDraining && worker.state != "quarantined" {
            served.formUnion(worker.slots.map(\.pool))
        }
        return { queue in
            if head.isRecovering { return .recovering }
            if held[queue.tenant, default: 0] >= limits(of: queue.tenant).cap { return .tenantCap }
            if queue.pools.contains(where: { !isPaused($0) && served.contains($0) }) { return .capacity }
            return queue.pools.contains(where: isPaused) ? .paused : .noWorker
        }
    }

    /// One row for each pool that is declared, scales from zero, has slots or is waited for.
    public var poolCounts: [PoolCount] {
        var rows: [String: PoolCount] = [:]
        func change(_ pool: String, _ body: (inout PoolCount) -> Void) {
            body(&rows[pool, default: PoolCount(pool: pool, isPaused: isPaused(pool))])
        }
        for pool in pools { change(pool) { _ in } }
        for slot in slots {
            change(slot.pool) {
                $0.slots[slot.state, default: 0] += 1
                if slot.state == .leased { $0.wanted += 1 }
            }
        }
        for queue in queues {
            guard let first = queue.pools.first else { continue }
            change(first) {
                $0.waiting += queue.count
                $0.oldestMilliseconds = min($0.oldestMilliseconds ?? .max, queue.oldestMilliseconds)
            }
        }
        for (pool, count) in admissible { change(pool) { $0.wanted += count } }
        return rows.values.sorted { $0.pool < $1.pool }
    }

    /// Waiting clients by the pool that they would choose first, each tenant up to its cap. Those of suspended gateways
    /// come first, then those of each queue in the order of the queues' first clients.
    private var admissible: [String: Int] {
        var (out, used) = ([String: Int](), held)
        func take(_ count: Int, _ tenant: String, _ pools: [String]) {
            let taken = max(0, min(count, limits(of: tenant).cap - used[tenant, default: 0]))
            guard taken > 0, let pool = pools.first else { return }
            used[tenant, default: 0] += taken
            out[pool, default: 0] += taken
        }
        for aside in asides { take(1, aside.tenant, aside.pools) }
        for queue in queues { take(queue.count, queue.tenant, queue.pools) }
        return out
    }

    /// How many slots of each pool the fleet could use now.
    public var slotsWanted: [String: Int] {
        Dictionary(poolCounts.map { ($0.pool, $0.wanted) }, uniquingKeysWith: { $1 })
    }

    /// One row for each tenant, by name.
    public var tenantCounts: [TenantCount] {
        var rows: [String: TenantCount] = [:]
        func change(_ tenant: String, _ body: (inout TenantCount) -> Void) {
            body(
                &rows[
                    tenant,
                    default: TenantCount(
                        tenant: tenant, isConfigured: settings["tenant:\(tenant)"] != nil, limits: limits(of: tenant),
                        today: uses[tenant] ?? Use())])
        }
        for tenant in names("tenant:") + uses.keys where tenant != "*" { change(tenant) { _ in } }
        for (tenant, held) in held { change(tenant) { $0.held = held } }
        let reason = reasonOf()
        for queue in queues {
            change(queue.tenant) {
                $0.waiting += queue.count
                $0.oldestMilliseconds = min($0.oldestMilliseconds ?? .max, queue.oldestMilliseconds)
                // The queues are in the order of their first clients.
                $0.reason = $0.reason ?? reason(queue)
            }
        }
        return rows.values.sorted { $0.tenant < $1.tenant }
    }
}

extension TenantLimits {
    /// Reads `words`; `nil` if the text is not six numbers.
    init?(words: String) {
        let numbers = words.split(separator: ",").compactMap { Int($0) }
        guard numbers.count == 6 else { return nil }
        self.init(
            cap: numbers[0], queueMax: numbers[1], waitMaxMilliseconds: numbers[2], priorityMaxSeconds: numbers[3],
            weight: numbers[4], guarantee: numbers[5])
    }
}
