import EventLoop
import GatewayCore
import QueueCore

/// Writes a line for each event.
struct GatewayLog: GatewayEvents {
    private let log: EventLog
    private let refusals: RefusalLog

    init(loop: Loop, log: EventLog) {
        self.log = log
        refusals = RefusalLog(loop: loop, log: log)
    }

    func listening(_ address: String, isEncrypted: Bool) {
        log.log(
            .info, "listening", "clients may connect", ["address": .text(address), "tls": .flag(isEncrypted)])
    }

    func registered(_ gateway: ProcessID) {
        log.log(.info, "registered", "grants can be received", ["gateway": .text(gateway.text)])
    }

    func storeAway() {
        log.log(.warning, "store_away", "Redis cannot be reached; new clients are refused, those held keep their place")
    }

    func notice(_ words: String) { log.log(.warning, "notice", words) }

    func certificateUsed(_ path: String, lastDay: String) {
        log.log(
            .info, "certificate", "new connections get this certificate",
            ["file": .text(path), "last_day": .text(lastDay)])
    }

    func certificateRefused(_ words: String) {
        log.log(
            .error, "certificate", "the new certificate cannot be used; new connections get the old one still",
            ["reason": .text(words)])
    }

    func draining(waiting: Int, serving: Int) {
        log.log(
            .info, "draining", "no new clients",
            ["waiting": .number(waiting), "serving": .number(serving)])
    }

    func accept(_ waiter: WaiterID, _ request: WaitRequest) {
        log.log(
            .info, "accept", "a client waits",
            [
                "waiter": .text(waiter.text), "peer": .text(request.address), "tenant": .text(request.tenant),
                "selector": .text(request.selector.description), "run": run(request), "trace_id": trace(request),
                "wait_ms": .number(request.waitMilliseconds), "priority": .number(request.headStartSeconds),
            ])
    }

    func queued(_ waiter: WaiterID, ticket: Int64) {
        log.log(
            .info, "queued", "no slot is free: the client stands in line",
            ["waiter": .text(waiter.text), "ticket": .number(Int(ticket))])
    }

    func grant(_ waiter: WaiterID, _ grant: Grant, ticket: Int64?) {
        log.log(
            .info, "grant", "a slot was granted",
            [
                "waiter": .text(waiter.text), "lease": .text("\(grant.lease)"), "worker": .text(grant.worker.text),
                "slot": .number(grant.slot), "token": .text("\(grant.token)"), "pool": .text(grant.pool),
                "ticket": ticket.map { .number(Int($0)) },
            ])
    }

    func grantReturned(_ grant: Grant) {
        log.log(
            .info, "grant_returned", "a grant for nobody here was given back",
            ["lease": .text("\(grant.lease)"), "worker": .text(grant.worker.text), "slot": .number(grant.slot)])
    }

    func renamed(_ waiter: WaiterID, to fresh: WaiterID) {
        log.log(
            .info, "enqueue_again", "Redis had lost a waiter; it goes back to its place",
            ["waiter": .text(waiter.text), "as": .text(fresh.text)])
    }

    func dialFailed(_ waiter: WaiterID, _ grant: Grant, _ words: String) {
        log.log(
            .warning, "dial_failed", words,
            [
                "waiter": .text(waiter.text), "lease": .text("\(grant.lease)"), "worker": .text(grant.worker.text),
                "slot": .number(grant.slot), "address": .text(grant.address),
            ])
    }

    func reject(_ waiter: WaiterID, _ lease: LeaseID, _ reason: RejectReason) {
        log.log(
            .info, "reject", "the waiter goes back to its place",
            ["waiter": .text(waiter.text), "lease": .text("\(lease)"), "reason": .text(reason.rawValue)])
    }

    func session(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64
    ) {
        log.log(
            .info, "session", "the worker serves the client",
            [
                "waiter": .text(waiter.text), "session": .text("\(grant.lease)"), "lease": .text("\(grant.lease)"),
                "tenant": .text(request.tenant), "run": run(request), "trace_id": trace(request),
                "pool": .text(grant.pool),
                "worker": .text(grant.worker.text), "slot": .number(grant.slot), "token": .text("\(grant.token)"),
                "ticket": ticket.map { .number(Int($0)) }, "wait_s": seconds(waitedMilliseconds),
            ])
    }

    func sessionEnd(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, _ end: Relay.End, waitedMilliseconds: UInt64
    ) {
        log.log(
            .info, "end", "a session ended",
            [
                "waiter": .text(waiter.text), "session": .text("\(grant.lease)"), "lease": .text("\(grant.lease)"),
                "outcome": .text("served"), "ended_by": .text(GatewayLog.words(end)), "tenant": .text(request.tenant),
                "run": run(request), "trace_id": trace(request), "pool": .text(grant.pool),
                "worker": .text(grant.worker.text),
                "slot": .number(grant.slot), "bytes_up": .number(Int(clamping: end.bytesAToB)),
                "bytes_down": .number(Int(clamping: end.bytesBToA)), "wait_s": seconds(waitedMilliseconds),
            ])
    }

    func lent(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64
    ) {
        log.log(
            .info, "lent", "the slot is reserved for the borrower's client",
            [
                "waiter": .text(waiter.text), "session": .text("\(grant.lease)"), "tenant": .text(request.tenant),
                "run": run(request), "trace_id": trace(request), "pool": .text(grant.pool),
                "worker": .text(grant.worker.text),
                "slot": .number(grant.slot), "ticket": ticket.map { .number(Int($0)) },
                "wait_s": seconds(waitedMilliseconds),
            ])
    }

    func attached(_ grant: Grant, tenant: String) {
        log.log(
            .info, "attach", "the worker serves a client that attached",
            [
                "session": .text("\(grant.lease)"), "tenant": .text(tenant), "pool": .text(grant.pool),
                "worker": .text(grant.worker.text), "slot": .number(grant.slot), "attach": .number(grant.attach),
            ])
    }

    func detached(_ grant: Grant, tenant: String, _ end: Relay.End) {
        log.log(
            .info, "detach", "the connection of a client that attached ended",
            [
                "session": .text("\(grant.lease)"), "tenant": .text(tenant), "attach": .number(grant.attach),
                "ended_by": .text(GatewayLog.words(end)), "bytes_up": .number(Int(clamping: end.bytesAToB)),
                "bytes_down": .number(Int(clamping: end.bytesBToA)),
            ])
    }

    func attachEnd(_ lease: LeaseID, tenant: String, _ refusal: Refusal?) {
        log.log(
            .info, refusal == nil ? "end" : "refusal", refusal?.message ?? "the client left",
            [
                "session": .text("\(lease)"), "tenant": tenant.isEmpty ? nil : .text(tenant),
                "code": refusal.map { .text($0.code.rawValue) }, "status": refusal.map { .number($0.status) },
            ])
    }

    /// The event is `refusal` if the client is told why, else `end`.
    func waitEnd(
        _ waiter: WaiterID, _ request: WaitRequest, _ why: WaitEnd, _ refusal: Refusal?, ticket: Int64?,
        waitedMilliseconds: UInt64
    ) {
        let outcome = refusal?.code.rawValue ?? "left"
        log.log(
            .info, refusal == nil ? "end" : "refusal", refusal?.message ?? "the client left",
            [
                "waiter": .text(waiter.text), "outcome": .text(outcome),
                "code": refusal.map { .text($0.code.rawValue) },
                "status": refusal.map { .number($0.status) },
                "reason": refusal?.reason.map { .text($0.rawValue) }, "tenant": .text(request.tenant),
                "selector": .text(request.selector.description), "run": run(request), "trace_id": trace(request),
                "ticket": ticket.map { .number(Int($0)) }, "wait_s": seconds(waitedMilliseconds),
            ])
    }

    func refusal(_ refusal: Refusal, peer: String) { refusals.refused(refusal, peer: peer) }
    func headDropped() { refusals.droppedHead() }
    func handshakeFailed(_ words: String, peer: String) { refusals.failedHandshake(words, peer: peer) }
    func stopped() { refusals.flush() }

    func probe(_ worker: ProcessID, address: String, failure: String?) {
        log.log(
            failure == nil ? .info : .warning, "probe", failure ?? "the worker answered",
            ["worker": .text(worker.text), "address": .text(address), "passed": .flag(failure == nil)])
    }

    private func run(_ request: WaitRequest) -> EventLog.Field? { request.run.isEmpty ? nil : .text(request.run) }

    private func trace(_ request: WaitRequest) -> EventLog.Field? {
        request.traceID.isEmpty ? nil : .text(request.traceID)
    }

    private func seconds(_ milliseconds: UInt64) -> EventLog.Field { .decimal(Double(milliseconds) / 1_000) }

    private static func words(_ end: Relay.End) -> String {
        let side =
            switch end.first {
            case .a: "client"
            case .b: "worker"
            case nil: "gateway"
            }
        if case .error(let error) = end.cause { return "\(side): \(error)" }
        return side
    }
}
