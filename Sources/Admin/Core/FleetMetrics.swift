import Metrics
import QueueCore

/// The metrics of the fleet. Every gateway tells the same, so dashboards aggregate them with `max`.
package enum FleetMetrics {
    package static func families(_ view: FleetView) -> [MetricFamily] {
        let pools = byPool(view)
        let tenants = view.tenantCounts.filter(\.isConfigured)
        let reasons = view.reasons
        // A state that no worker has is 0, and not missing.
        let none = Dictionary(
            uniqueKeysWithValues: ["probing", "ok", "suspect", "trial", "quarantined", "draining"].map { ($0, 0) })
        let workers = view.workers.reduce(into: none) { $0[$1.isDraining ? "draining" : $1.state, default: 0] += 1 }
        let leases = view.slots.reduce(into: [[String]: Int]()) {
            if $1.state == .leased { $0[[poolName($1.pool), $1.leaseState], default: 0] += 1 }
        }
        return [
            gauge(
                "berth_queue_depth", "Clients that wait, by the pool that they would choose first.",
                pools.mapValues(\.waiting)),
            MetricFamily(
                "berth_queue_oldest_age_seconds", .gauge, "How long the first client of the pool has waited.",
                samples: bounded(pools).map { pool, count in
                    let age = count.oldest.map { max(0, view.head.atMilliseconds - $0) } ?? 0
                    return MetricFamily.Sample(Double(age) / 1_000, labels: [.init("pool", pool)])
                }),
            MetricFamily(
                "berth_slots", .gauge, "Slots by state.",
                samples: bounded(pools).flatMap { pool, count in
                    SlotState.allCases.map {
                        MetricFamily.Sample(
                            Double(count.slots[$0] ?? 0), labels: [.init("pool", pool), .init("state", $0.rawValue)])
                    }
                }),
            MetricFamily(
                "berth_leases", .gauge, "Leased slots by the state of their session.",
                samples: leases.sorted { $0.key.lexicographicallyPrecedes($1.key) }.prefix(MetricFamily.seriesMax).map {
                    MetricFamily.Sample(
                        Double($0.value), labels: [.init("pool", $0.key[0]), .init("state", $0.key[1])])
                }),
            gauge(
                "berth_slots_wanted", "Slots that the fleet could use now: held, granted, and wanted below the caps.",
                pools.mapValues(\.wanted)),
            gauge("berth_pool_paused", "1 if an operator paused the pool.", pools.mapValues { $0.isPaused ? 1 : 0 }),
            .gauge(
                "berth_waiting", "Clients that wait, by reason.", by: "reason",
                Dictionary(uniqueKeysWithValues: Place.Reason.allCases.map { ($0.rawValue, reasons[$0] ?? 0) })),
            .gauge("berth_workers", "Workers by state.", by: "state", workers),
            .gauge("berth_gateways", "Gateways of the fleet.", view.gateways.count),
            .gauge(
                "berth_gateways_suspended", "Gateways that get no grants, because they did not take theirs.",
                view.gateways.count { !$0.suspension.isEmpty }),
            .gauge("berth_queue_todo", "Work that scripts have left for the next sweep.", view.head.todo),
            .gauge(
                "berth_queue_recovering", "1 while the fleet restores what Redis lost.", view.head.isRecovering ? 1 : 0),
            byTenant("berth_tenant_held", "Slots that a configured tenant holds.", tenants) { $0.held },
            byTenant("berth_tenant_cap", "The most slots of a configured tenant.", tenants) { $0.limits.cap },
            MetricFamily(
                "berth_tenant_oldest_age_seconds", .gauge,
                "How long the first client of a configured tenant has waited; 0 if none waits.",
                samples: tenants.map { tenant in
                    let age = tenant.oldestMilliseconds.map { max(0, view.head.atMilliseconds - $0) } ?? 0
                    return MetricFamily.Sample(Double(age) / 1_000, labels: [.init("tenant", tenant.tenant)])
                }),
            byTenant("berth_tenant_waiting", "Clients of a configured tenant that wait.", tenants) { $0.waiting },
        ]
    }

    /// Counts of a label and browser, versions and protocols summed.
    private struct Count {
        var slots: [SlotState: Int] = [:]
        var waiting = 0
        var wanted = 0
        var oldest: Int64?
        var isPaused = true
    }

    /// Label and browser of a pool.
    private static func poolName(_ pool: String) -> String {
        pool.split(separator: "|", omittingEmptySubsequences: false).prefix(2).joined(separator: "|")
    }

    private static func byPool(_ view: FleetView) -> [String: Count] {
        view.poolCounts.reduce(into: [:]) { counts, pool in
            let name = pool.pool.split(separator: "|", omittingEmptySubsequences: false).prefix(2).joined(
                separator: "|")
            var count = counts[name] ?? Count()
            count.slots.merge(pool.slots, uniquingKeysWith: +)
            count.waiting += pool.waiting
            count.wanted += pool.wanted
            count.oldest = [count.oldest, pool.oldestMilliseconds].compactMap { $0 }.min()
            count.isPaused = count.isPaused && pool.isPaused
            counts[name] = count
        }
    }

    /// The queue bounds the pools of a fleet, so this cuts only what a future version may add.
    private static func bounded(_ pools: [String: Count]) -> [(String, Count)] {
        Array(pools.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }.prefix(MetricFamily.seriesMax))
    }

    private static func gauge(_ name: String, _ help: String, _ values: [String: Int]) -> MetricFamily {
        .gauge(name, help, by: "pool", values)
    }

    private static func byTenant(
        _ name: String, _ help: String, _ tenants: [FleetView.TenantCount], _ number: (FleetView.TenantCount) -> Int
    ) -> MetricFamily {
        .gauge(name, help, by: "tenant", Dictionary(uniqueKeysWithValues: tenants.map { ($0.tenant, number($0)) }))
    }
}
