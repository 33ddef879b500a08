import EventLoop
import GatewayCore
import QueueCore

/// Passes each event of a gateway to its log, then to its meter.
struct GatewayRecord: GatewayEvents {
    let log: GatewayLog
    let meter: GatewayMeter

    private func each(_ body: (any GatewayEvents) -> Void) {
        body(log)
        body(meter)
    }

    func accept(_ waiter: WaiterID, _ request: WaitRequest) { each { $0.accept(waiter, request) } }
    func queued(_ waiter: WaiterID, ticket: Int64) { each { $0.queued(waiter, ticket: ticket) } }
    func grant(_ waiter: WaiterID, _ grant: Grant, ticket: Int64?) { each { $0.grant(waiter, grant, ticket: ticket) } }
    func renamed(_ waiter: WaiterID, to fresh: WaiterID) { each { $0.renamed(waiter, to: fresh) } }
    func dialFailed(_ waiter: WaiterID, _ grant: Grant, _ words: String) {
        each { $0.dialFailed(waiter, grant, words) }
    }
    func reject(_ waiter: WaiterID, _ lease: LeaseID, _ reason: RejectReason) {
        each { $0.reject(waiter, lease, reason) }
    }

    func session(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64
    ) { each { $0.session(waiter, grant, request, ticket: ticket, waitedMilliseconds: waitedMilliseconds) } }

    func sessionEnd(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, _ end: Relay.End, waitedMilliseconds: UInt64
    ) { each { $0.sessionEnd(waiter, grant, request, end, waitedMilliseconds: waitedMilliseconds) } }

    func lent(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64
    ) { each { $0.lent(waiter, grant, request, ticket: ticket, waitedMilliseconds: waitedMilliseconds) } }

    func attached(_ grant: Grant, tenant: String) { each { $0.attached(grant, tenant: tenant) } }
    func detached(_ grant: Grant, tenant: String, _ end: Relay.End) { each { $0.detached(grant, tenant: tenant, end) } }
    func attachEnd(_ lease: LeaseID, tenant: String, _ refusal: Refusal?) {
        each { $0.attachEnd(lease, tenant: tenant, refusal) }
    }

    func waitEnd(
        _ waiter: WaiterID, _ request: WaitRequest, _ why: WaitEnd, _ refusal: Refusal?, ticket: Int64?,
        waitedMilliseconds: UInt64
    ) { each { $0.waitEnd(waiter, request, why, refusal, ticket: ticket, waitedMilliseconds: waitedMilliseconds) } }

    func listening(_ address: String, isEncrypted: Bool) { each { $0.listening(address, isEncrypted: isEncrypted) } }
    func registered(_ gateway: ProcessID) { each { $0.registered(gateway) } }
    func storeAway() { each { $0.storeAway() } }
    func notice(_ words: String) { each { $0.notice(words) } }
    func draining(waiting: Int, serving: Int) { each { $0.draining(waiting: waiting, serving: serving) } }
    func grantReturned(_ grant: Grant) { each { $0.grantReturned(grant) } }
    func refusal(_ refusal: Refusal, peer: String) { each { $0.refusal(refusal, peer: peer) } }
    func headDropped() { each { $0.headDropped() } }
    func handshakeFailed(_ words: String, peer: String) { each { $0.handshakeFailed(words, peer: peer) } }
    func certificateUsed(_ path: String, lastDay: String) { each { $0.certificateUsed(path, lastDay: lastDay) } }
    func certificateRefused(_ words: String) { each { $0.certificateRefused(words) } }
    func stopped() { each { $0.stopped() } }
    func probe(_ worker: ProcessID, address: String, failure: String?) {
        each { $0.probe(worker, address: address, failure: failure) }
    }
}
