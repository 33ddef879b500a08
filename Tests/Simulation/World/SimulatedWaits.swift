import EventLoop
import Gateway
import GatewayCore
import Queue
import QueueCore
import SimulationChecks

// The protocols that the shipped `WaitDriver` uses, implemented in simulated time.

extension SimulatedRuntime: WaitRuntime {
    func freshWaiterID() -> WaiterID { WaiterID(high: randomUInt64(), low: randomUInt64()) }
}

extension ClientPlan {
    /// The request that admission would return for this client's head.
    var request: WaitRequest {
        WaitRequest(
            tenant: tenant, selector: selector, purpose: borrows ? .borrow : .connect,
            headStartSeconds: headStartSeconds, run: run, alias: alias,
            waitMilliseconds: mayWait ? max(1, Int(wait / 1_000)) : 0, keepSeconds: keepSeconds, kind: .other,
            head: .none)
    }
}

/// The shipped `QueueClient`, with the bugs that are planted in its use.
final class SimulatedWaitQueue: WaitQueue {
    private unowned let gateway: SimulatedGateway

    init(_ gateway: SimulatedGateway) { self.gateway = gateway }

    private var queue: QueueClient { gateway.queue }
    private var world: World { gateway.world }

    func enqueue(_ request: EnqueueRequest, done: @escaping (EnqueueReply) -> Void) {
        guard world.plants(.cancelOvertakes) else { return queue.enqueue(request, done: done) }
        _ = gateway.process.schedule(after: milliseconds(30)) { [queue] in queue.enqueue(request, done: done) }
    }

    func cancel(_ waiter: WaiterID, tenant: String, lease: LeaseID?, dialed: Bool, done: @escaping () -> Void) {
        if world.plants(.cancelForgotten) { return done() }
        queue.cancel(waiter, tenant: tenant, lease: lease, dialed: dialed, done: done)
    }

    func expire(
        _ waiter: WaiterID, tenant: String, lease: LeaseID?, _ expiry: Expiry, done: @escaping (Obstacle?) -> Void
    ) {
        if world.plants(.cancelForgotten) { return done(nil) }
        queue.expire(waiter, tenant: tenant, lease: lease, expiry, done: done)
    }

    func reject(
        _ lease: LeaseID, tenant: String, attach: Int, reason: RejectReason, final: Bool,
        done: @escaping (RejectReply) -> Void
    ) {
        queue.reject(lease, tenant: tenant, attach: attach, reason: reason, final: final, done: done)
    }

    func reserve(_ lease: LeaseID, tenant: String, done: @escaping (ReserveReply) -> Void) {
        queue.reserve(lease, tenant: tenant, done: done)
    }

    func attach(
        to lease: LeaseID, tenant: String, attachment: WaiterID, done: @escaping (AttachReply) -> Void
    ) {
        queue.attach(to: lease, tenant: tenant, attachment: attachment, done: done)
    }

    func note(_ event: UsageMeter.Event, of tenant: String) { queue.note(event, of: tenant) }

    func acknowledge(_ grant: Grant) {
        world.ledger.note(.gatewayHeard(gateway: gateway.id, lease: grant.lease))
        queue.acknowledge(grant)
    }
}

/// Notes in the ledger under which ids a client waits.
struct SimulatedWaitEvents: WaitEvents {
    unowned let gateway: SimulatedGateway

    func accept(_ waiter: WaiterID, _ request: WaitRequest) { note(waiter) }
    func renamed(_ waiter: WaiterID, to fresh: WaiterID) { note(fresh) }

    private func note(_ waiter: WaiterID) {
        // The ledger has the waits of those alone who are served by the connection that waits.
        guard let client = gateway.client(of: waiter) else { return }
        gateway.world.ledger.note(.queuedAs(client: client.id, waiter: waiter))
    }

    func queued(_ waiter: WaiterID, ticket: Int64) {}
    func grant(_ waiter: WaiterID, _ grant: Grant, ticket: Int64?) {}
    func dialFailed(_ waiter: WaiterID, _ grant: Grant, _ words: String) {}
    func reject(_ waiter: WaiterID, _ lease: LeaseID, _ reason: RejectReason) {}
    func session(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64
    ) {}
    func sessionEnd(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, _ end: Relay.End, waitedMilliseconds: UInt64
    ) {}
    func lent(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64
    ) {}
    func attached(_ grant: Grant, tenant: String) {}
    func detached(_ grant: Grant, tenant: String, _ end: Relay.End) {}
    func attachEnd(_ lease: LeaseID, tenant: String, _ refusal: Refusal?) {}
    func waitEnd(
        _ waiter: WaiterID, _ request: WaitRequest, _ why: WaitEnd, _ refusal: Refusal?, ticket: Int64?,
        waitedMilliseconds: UInt64
    ) {}
}
