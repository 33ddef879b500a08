import Queue
import QueueCore
import SimulationChecks

/// A client that borrows a slot: once granted it is reserved, for a client of its own that comes later.
final class SimulatedBorrower {
    private enum State {
        case enqueuing, waiting
        case reserving(LeaseID, next: Grant?)
        case over
    }

    private unowned let gateway: SimulatedGateway
    let client: SimulatedClient
    private(set) var id: WaiterID
    private var state = State.enqueuing
    private var ticket: Int64?
    private var attempt = 0

    init(_ client: SimulatedClient, gateway: SimulatedGateway) {
        self.client = client
        self.gateway = gateway
        id = gateway.freshID()
    }

    func begin() {
        client.borrower = self
        let process = gateway.process
        _ = process.schedule(after: max(0, client.deadline - process.timeline.now)) { [weak self] in
            self?.giveUp("timed out")
        }
        enqueue()
    }

    /// What Redis should have of it.
    var standing: WaiterRoll.Standing {
        switch state {
        case .enqueuing, .over: .unsettled
        case .waiting: .waiting
        case .reserving: .deciding
        }
    }

    private func enqueue() {
        state = .enqueuing
        gateway.borrowers[id] = self
        let (plan, asked) = (client.plan, id)
        let request = EnqueueRequest(
            waiter: id, tenant: plan.tenant, selector: plan.selector, headStartSeconds: plan.headStartSeconds,
            run: plan.run, wait: true, ticket: ticket, attempt: attempt, keepSeconds: plan.keepSeconds)
        gateway.queue.enqueue(request) { [self] reply in
            guard asked == id else { return }
            switch reply {
            case .queued(let given):
                ticket = ticket ?? given
                if case .enqueuing = state { state = .waiting }
            case .granted(let given, let grant):
                ticket = ticket ?? given
                gateway.world.ledger.note(.gatewayHeard(gateway: gateway.id, lease: grant.lease))
                gateway.queue.acknowledge(grant.lease)
                granted(grant)
            case .gone(let why): over("gone: \(why)")
            case .refused(let why): over("\(why)")
            case .takenBack: break
            }
        }
    }

    func granted(_ grant: Grant) {
        switch state {
        case .enqueuing, .waiting:
            guard grant.lease.attempt > attempt else { return }
            attempt = grant.lease.attempt
            reserve(grant.lease)
        case .reserving(let lease, let next):
            guard grant.lease.attempt > max(attempt, next?.lease.attempt ?? 0) else { return }
            state = .reserving(lease, next: grant)
        case .over:
            gateway.queue.cancel(
                grant.lease.waiter, tenant: client.plan.tenant, lease: grant.lease, dialed: false
            ) {}
        }
    }

    private func reserve(_ lease: LeaseID) {
        state = .reserving(lease, next: nil)
        gateway.queue.reserve(lease, tenant: client.plan.tenant) { [self] reply in
            guard case .reserving(lease, let next) = state else { return }
            switch (reply, next) {
            case (.reserved, let next):
                // It has what it wanted.
                if let next {
                    gateway.queue.cancel(
                        next.lease.waiter, tenant: client.plan.tenant, lease: next.lease, dialed: false
                    ) {}
                }
                lent(lease)
            case (.ended, let next?):
                attempt = next.lease.attempt
                reserve(next.lease)
            case (.ended, nil): state = .waiting
            }
        }
    }

    private func lent(_ lease: LeaseID) {
        gateway.borrowers[id] = nil
        state = .over
        client.world.comeBack(for: lease, client.plan)
        client.over(.served)
    }

    func registeredAnew() {
        guard case .waiting = state else { return }
        gateway.borrowers[id] = nil
        id = gateway.freshID()
        enqueue()
    }

    func endedFromOutside(_ why: EndReason) { giveUp("gone: \(why)") }

    func clientLeft() { giveUp("left") }

    private func giveUp(_ why: String) {
        switch state {
        case .over: return
        case .enqueuing, .waiting:
            gateway.queue.cancel(id, tenant: client.plan.tenant, lease: nil, dialed: false) {}
        case .reserving(let lease, let next):
            gateway.queue.cancel(
                id, tenant: client.plan.tenant, lease: next?.lease ?? lease, dialed: false
            ) {}
        }
        over(why)
    }

    private func over(_ why: String) {
        state = .over
        gateway.borrowers[id] = nil
        client.over(.refused(why))
    }
}
