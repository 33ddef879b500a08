import EventLoop
import GatewayCore
import Metrics
import QueueCore

/// Counts a gateway's events, and keeps the last refusals and ends, for its admin listener.
final class GatewayMeter: GatewayEvents {
    /// Refusals and ends that are kept.
    static let happeningsMax = 50
    private static let waitBounds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

    private let loop: Loop
    /// Tenants with limits of their own: the only ones that have series.
    var isConfigured: (String) -> Bool = { _ in false }
    private(set) var happenings: [Happening] = []
    /// Happenings since the start.
    private(set) var happeningsCount = 0
    private(set) var recent = RecentWaits()

    private var accepts: UInt64 = 0
    private var grants: UInt64 = 0
    private var grantsReturned: UInt64 = 0
    private var dialFailures: UInt64 = 0
    private var sessions: UInt64 = 0
    private var headsDropped: UInt64 = 0
    private var handshakesFailed: UInt64 = 0
    private var bytes = (up: UInt64(0), down: UInt64(0))
    private var waits = HistogramTable(
        "berth_queue_wait_seconds", "Time from the request to the session or to the end of the wait.", by: "outcome",
        bounds: waitBounds, zeros: ["served", "left", RefusalCode.waitTimeout.rawValue])
    private var refusals = CounterTable(
        "berth_refusals_total", "Requests refused.", by: "code", zeros: RefusalCode.allCases.map { [$0.rawValue] })
    private var timeouts = CounterTable(
        "berth_wait_timeouts_total", "Clients that waited their whole time, by what they waited for.", by: "reason",
        zeros: Place.Reason.allCases.map { [$0.rawValue] })
    private var tenantRefusals = CounterTable(
        "berth_tenant_refusals_total", "Requests of configured tenants refused.", by: "tenant")
    private var ends = CounterTable(
        "berth_sessions_ended_total", "Sessions that ended, by the side that ended first.", by: "by",
        zeros: [["client"], ["worker"], ["gateway"]])
    private var rejects = CounterTable(
        "berth_rejects_total", "Grants that led to no session.", by: "reason",
        zeros: RejectReason.allCases.map { [$0.rawValue] })
    private var probes = CounterTable(
        "berth_probes_total", "Probes of workers.", by: "result", zeros: [["passed"], ["failed"]])

    init(loop: Loop) { self.loop = loop }

    /// - Parameter live: bytes of sessions that go on.
    func families(live: (up: UInt64, down: UInt64)) -> [MetricFamily] {
        [
            .counter("berth_accepts_total", "Clients admitted to wait for a slot.", accepts),
            .counter("berth_grants_total", "Slots granted to clients of this gateway.", grants),
            .counter("berth_grants_returned_total", "Grants given back because their client had left.", grantsReturned),
            .counter("berth_dial_failures_total", "Dials of workers that failed.", dialFailures),
            .counter("berth_sessions_total", "Sessions that began.", sessions),
            .counter("berth_heads_dropped_total", "Connections closed before their request was whole.", headsDropped),
            .counter("berth_tls_handshake_failures_total", "TLS handshakes of clients that failed.", handshakesFailed),
            MetricFamily(
                "berth_relay_bytes_total", .counter, "Bytes relayed: up from clients, down to clients.",
                samples: [
                    MetricFamily.Sample(Double(bytes.up + live.up), labels: [.init("direction", "up")]),
                    MetricFamily.Sample(Double(bytes.down + live.down), labels: [.init("direction", "down")]),
                ]),
            waits.family, refusals.family, timeouts.family, tenantRefusals.family, ends.family, rejects.family,
            probes.family,
        ]
    }

    // MARK: events

    func accept(_ waiter: WaiterID, _ request: WaitRequest) { accepts += 1 }
    func grant(_ waiter: WaiterID, _ grant: Grant, ticket: Int64?) { grants += 1 }
    func grantReturned(_ grant: Grant) { grantsReturned += 1 }
    func dialFailed(_ waiter: WaiterID, _ grant: Grant, _ words: String) { dialFailures += 1 }
    func reject(_ waiter: WaiterID, _ lease: LeaseID, _ reason: RejectReason) { rejects.add(reason.rawValue) }
    func headDropped() { headsDropped += 1 }
    func handshakeFailed(_ words: String, peer: String) { handshakesFailed += 1 }
    func probe(_ worker: ProcessID, address: String, failure: String?) {
        probes.add(failure == nil ? "passed" : "failed")
    }

    func session(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64
    ) {
        sessions += 1
        served(after: waitedMilliseconds)
    }

    func lent(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64
    ) {
        served(after: waitedMilliseconds)
    }

    func sessionEnd(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, _ end: Relay.End, waitedMilliseconds: UInt64
    ) {
        ended(end, tenant: request.tenant, pool: grant.pool)
    }

    func attached(_ grant: Grant, tenant: String) { sessions += 1 }
    func detached(_ grant: Grant, tenant: String, _ end: Relay.End) { ended(end, tenant: tenant, pool: grant.pool) }

    func attachEnd(_ lease: LeaseID, tenant: String, _ refusal: Refusal?) {
        if let refusal { refused(refusal, tenant: tenant) }
    }

    func waitEnd(
        _ waiter: WaiterID, _ request: WaitRequest, _ why: WaitEnd, _ refusal: Refusal?, ticket: Int64?,
        waitedMilliseconds: UInt64
    ) {
        waits.observe(Double(waitedMilliseconds) / 1_000, refusal?.code.rawValue ?? "left")
        guard let refusal else { return }
        refused(refusal, tenant: request.tenant)
        if refusal.code == .waitTimeout, let reason = refusal.reason { timeouts.add(reason.rawValue) }
    }

    func refusal(_ refusal: Refusal, peer: String) { refused(refusal, tenant: "") }

    private func served(after milliseconds: UInt64) {
        let seconds = Double(milliseconds) / 1_000
        waits.observe(seconds, "served")
        recent.served(seconds: seconds, now: loop.now)
    }

    private func ended(_ end: Relay.End, tenant: String, pool: String) {
        let side =
            switch end.first {
            case .a: "client"
            case .b: "worker"
            case nil: "gateway"
            }
        ends.add(side)
        bytes.up += end.bytesAToB
        bytes.down += end.bytesBToA
        // An orderly end is the rule, and not worth a line.
        if case .end = end.cause { return }
        remember("end", side, tenant, "A session on \(pool) was cut by its \(side)")
    }

    private func refused(_ refusal: Refusal, tenant: String) {
        refusals.add(refusal.code.rawValue)
        if isConfigured(tenant) { tenantRefusals.add(tenant) }
        recent.refused(refusal.code.rawValue, now: loop.now)
        remember("refusal", refusal.code.rawValue, tenant, refusal.message)
    }

    private func remember(_ kind: String, _ code: String, _ tenant: String, _ words: String) {
        if happenings.count == GatewayMeter.happeningsMax { happenings.removeFirst() }
        happeningsCount += 1
        happenings.append(
            Happening(
                atMilliseconds: EventLog.millisecondsSince1970(), kind: kind, code: code, tenant: tenant, words: words))
    }

    // MARK: events without a number

    func queued(_ waiter: WaiterID, ticket: Int64) {}
    func renamed(_ waiter: WaiterID, to fresh: WaiterID) {}
    func listening(_ address: String, isEncrypted: Bool) {}
    func registered(_ gateway: ProcessID) {}
    func storeAway() {}
    func notice(_ words: String) {}
    func draining(waiting: Int, serving: Int) {}
    func certificateUsed(_ path: String, lastDay: String) {}
    func certificateRefused(_ words: String) {}
    func stopped() {}
}
