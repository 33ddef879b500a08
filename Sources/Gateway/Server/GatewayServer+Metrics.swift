import GatewayCore
import Metrics
import Queue
import QueueCore

/// The state and the metrics of a gateway, for its admin listener.
extension GatewayServer {
    /// The last refusals and ends, the oldest first, and how many there were since the start.
    public var happenings: (last: [Happening], count: Int) { (meter.happenings, meter.happeningsCount) }

    /// The waits and refusals of the last two minutes.
    public var recentWaits: RecentWaits { meter.recent }

    /// Why no grant can be received, or no new client is taken; empty if all is well.
    public var objections: [String] {
        (queue.isAvailable ? [] : ["redis: not reached, or this gateway is not registered"])
            + (isDraining ? ["draining"] : [])
    }

    public var counters: QueueCounters { queue.counters }
    public var isStoreAvailable: Bool { queue.isAvailable }

    /// The gateway's own metrics.
    public var families: [MetricFamily] {
        let waiting = waits.values.reduce(into: [String: Int]()) {
            guard $1.machine.state == .waiting else { return }
            let selector = $1.request.selector
            $0["\(selector.pattern)|\(selector.browser)", default: 0] += 1
        }
        let occupancy = doorway.occupancy
        let counters = counters
        return meter.families(live: liveBytes) + [
            .gauge(
                "berth_local_waiters", "Clients that wait at this gateway, by what they ask for.", by: "pool", waiting),
            .gauge("berth_local_sessions", "Sessions that this gateway relays.", occupancy.relayed),
            .gauge(
                "berth_connections", "Connections of clients.", by: "kind",
                ["parked": occupancy.parked, "relayed": occupancy.relayed]),
            .gauge(
                "berth_descriptors_max", "Descriptors for clients: a parked one takes one, a relayed one two.",
                max(0, doorway.budget.openFilesMax - doorway.budget.reserve - DescriptorBudget.base)),
            MetricFamily(
                "berth_wakeups_total", .counter,
                "Grants by how they arrived: a message, or the poll that finds lost ones.",
                samples: [
                    MetricFamily.Sample(Double(counters.wakeupsByChannel), labels: [.init("source", "pubsub")]),
                    MetricFamily.Sample(Double(counters.wakeupsByCollect), labels: [.init("source", "poll")]),
                ]),
        ]
    }
}
