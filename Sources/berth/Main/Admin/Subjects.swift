import Admin
import AdminCore
import EventLoop
import Gateway
import GatewayCore
import Metrics
import Queue
import Worker

/// A gateway as its admin listener sees it.
final class GatewaySubject: AdminSubject {
    private let gateway: GatewayServer
    private let loop: Loop

    init(_ gateway: GatewayServer, loop: Loop) {
        self.gateway = gateway
        self.loop = loop
    }

    let tellsFleetMetrics = true

    func adminFacts() -> AdminFacts {
        var facts = AdminFacts()
        facts.process = gateway.id.text
        facts.role = "gateway"
        let (recent, now) = (gateway.recentWaits, loop.now)
        facts.grantsPerSecond = recent.servedPerSecond(now: now)
        facts.refusedShare = recent.refusedShare(now: now)
        facts.refusedBy = recent.commonestRefusal(now: now) ?? ""
        facts.refusedRecently = recent.refusals(now: now)
        let waits = recent.waits(at: [0.5, 0.99], now: now)
        facts.waitP50 = waits?[0]
        facts.waitP99 = waits?[1]
        (facts.happenings, facts.happeningsCount) = gateway.happenings
        facts.objections = gateway.objections
        return facts
    }

    func adminFamilies() -> [MetricFamily] {
        gateway.families + gateway.counters.families(isUp: gateway.isStoreAvailable)
    }
}

/// A worker as its admin listener sees it.
final class WorkerSubject: AdminSubject {
    private let worker: WorkerAgent

    init(_ worker: WorkerAgent) { self.worker = worker }

    let tellsFleetMetrics = false

    func adminFacts() -> AdminFacts {
        var facts = AdminFacts()
        facts.process = worker.id?.text ?? ""
        facts.role = "worker"
        facts.objections = worker.objections
        return facts
    }

    func adminFamilies() -> [MetricFamily] {
        worker.families + worker.counters.families(isUp: worker.isStoreAvailable)
    }
}

extension QueueCounters {
    fileprivate func families(isUp: Bool) -> [MetricFamily] {
        [
            .gauge("berth_redis_up", "1 while Redis answers this process and has it registered.", isUp ? 1 : 0),
            .counter("berth_redis_connections_lost_total", "Connections to Redis that were lost.", connectionsLost),
            MetricFamily(
                "berth_leases_swept_total", .counter, "What this process' sweeps ended because its time was over.",
                samples: ["granted", "attaching", "reserved", "kept", "gateway", "worker"].map {
                    MetricFamily.Sample(Double(swept[$0] ?? 0), labels: [.init("reason", $0)])
                }),
        ]
    }
}
