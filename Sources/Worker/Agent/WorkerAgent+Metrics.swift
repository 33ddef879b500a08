import Metrics
import Queue
import QueueCore

/// The state and the metrics of a worker, for its admin listener.
extension WorkerAgent {
    /// Why no session can be served; empty if all is well.
    public var objections: [String] {
        var words: [String] = []
        if !isStoreAvailable { words.append("redis: not reached, or this worker is not registered") }
        if isDraining { words.append("draining") }
        let rows = board?.table.rows ?? []
        if rows.allSatisfy({ $0.state == .out }) { words.append("no sidecar is fit") }
        return words
    }

    public var counters: QueueCounters { registry?.counters ?? QueueCounters() }
    public var isStoreAvailable: Bool { wasRegistered && !isRedisAway }

    /// The worker's own metrics.
    public var families: [MetricFamily] {
        var slots: [[String]: Int] = [:]
        for pool in settings.pools {
            for state in SlotRow.State.allCases { slots[[WorkerMeter.name(pool.plan.pool), state.rawValue]] = 0 }
        }
        for row in board?.table.rows ?? [] {
            guard let pool = settings.pools.place(of: row.slot)?.0.plan.pool else { continue }
            slots[[WorkerMeter.name(pool), row.state.rawValue], default: 0] += 1
        }
        return meter.families + [
            MetricFamily(
                "berth_worker_slots", .gauge, "Slots of this worker by state.",
                samples: slots.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
                    MetricFamily.Sample(
                        Double($0.value), labels: [.init("pool", $0.key[0]), .init("state", $0.key[1])])
                }),
            .gauge("berth_worker_reached", "1 if a gateway's probe has reached this worker.", wasReached ? 1 : 0),
        ]
    }
}
