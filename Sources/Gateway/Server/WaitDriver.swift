import EventLoop
import GatewayCore
import Queue
import QueueCore

/// The driver of the machine `Waiter`: it connects one wait with the queue, with its dial and with its owner.
package final class WaitDriver<Connection: WorkerConnection>: Errand {
    private unowned let table: WaitTable<Connection>
    package unowned let owner: any WaitOwner<Connection>
    private(set) var request: WaitRequest
    /// The id under which the wait was enqueued first. Every event has this one, because the queue may know the wait by
    /// another id later.
    private var name: WaiterID { firstID.value ?? machine.id }
    private var firstID = Apart<WaiterID>.none
    package private(set) var machine: Waiter
    private var call: (any DialCall)?
    private var session: Session?
    private let began: UInt64

    /// Facts of a session that its last event repeats. A class, because most waits have no session.
    private final class Session {
        let grant: Grant
        let waitedMilliseconds: UInt64

        init(_ grant: Grant, waitedMilliseconds: UInt64) {
            self.grant = grant
            self.waitedMilliseconds = waitedMilliseconds
        }
    }

    /// A worker that accepted a grant and connected its sidecar.
    private struct Proof {
        let grant: Grant
        let worker: Connection
        let rest: [UInt8]
    }

    /// - Parameter deadline: in milliseconds of the loop's clock. The owner calls `deadlinePassed` at `nextCheck`.
    package init(
        _ request: WaitRequest, owner: any WaitOwner<Connection>, table: WaitTable<Connection>, deadline: UInt64
    ) {
        self.request = request
        self.owner = owner
        self.table = table
        began = table.runtime.now
        machine = Waiter(
            id: table.runtime.freshWaiterID(), purpose: request.purpose, now: began, deadline: deadline,
            noWorkerWait: table.noWorkerWaitMilliseconds)
    }

    package var id: WaiterID { machine.id }
    /// Milliseconds of the loop's clock at which the owner calls `deadlinePassed`, until the wait has ended.
    package var nextCheck: UInt64 {
        machine.nextCheck > now ? machine.nextCheck : now + GatewayLimits.verdictMilliseconds
    }

    /// The entry that Redis should have of this wait.
    package var rollEntry: WaiterRoll.Entry { WaiterRoll.Entry(id: id, standing: machine.rollStanding) }

    private var now: UInt64 { table.runtime.now }

    // MARK: events

    package func begin() {
        table.insert(self)
        table.queue.note(.waitBegan, of: request.tenant)
        table.events.accept(name, request)
        step { $0.begin(storeAvailable: !table.isStoreAway) }
    }

    package func granted(_ grant: Grant) { step { $0.granted(grant) } }
    package func endedFromOutside(_ why: EndReason) { step { $0.endedFromOutside(why) } }
    package func registeredAnew() { step { $0.registeredAnew(freshID: table.runtime.freshWaiterID()) } }
    package func storeWentAway() { step { $0.storeWentAway() } }
    package func clientLeft() { step { $0.clientLeft() } }
    package func clientBroke() { step { $0.clientBroke() } }
    package func deadlinePassed() { step { [now] in $0.deadlinePassed(now: now) } }
    package func drainTimePassed() { step { $0.drainTimePassed() } }

    /// The session's connections are closed.
    package func sessionEnded(_ end: Relay.End) {
        guard let session else { return }
        // Until here a grant that comes twice is known as this session's.
        step { $0.sessionEnded() }
        table.remove(id)
        table.events.sessionEnd(
            name, session.grant, request, end, waitedMilliseconds: session.waitedMilliseconds)
    }

    /// - Parameter proof: set for the event that a worker proved itself.
    private func step(_ proof: Proof? = nil, _ event: (inout Waiter) -> Waiter.Action) {
        let (idBefore, attemptBefore) = (id, machine.attempt)
        let action = event(&machine)
        if id != idBefore {
            table.remove(idBefore)
            table.insert(self)
            if firstID == .none { firstID = .some(idBefore) }
            table.events.renamed(name, to: id)
        }
        if machine.attempt > attemptBefore, let grant = machine.newest {
            table.noteGrant()
            table.events.grant(name, grant, ticket: machine.ticket)
        }
        perform(action, proof)
    }

    // MARK: what the machine decided

    /// The only place where something is done. The queue is told first, because its verdict must precede what a worker
    /// sees.
    private func perform(_ action: Waiter.Action, _ proof: Proof?) {
        switch action.queue {
        case .none: break
        case .enqueue: enqueue()
        case .cancel(let lease, let dialed): cancel(lease, dialed: dialed)
        case .expire(let lease, let expiry): expire(lease, expiry)
        case .reject(let lease, let reason, let final): reject(lease, reason, final: final)
        case .reserve(let lease): reserve(lease)
        }
        switch action.client {
        case .none: proof?.worker.close()
        case .dial(let grant): dial(grant)
        case .relay: if let proof { serve(proof) }
        case .lend(let grant, let milliseconds): lend(grant, milliseconds: milliseconds)
        case .end(let why): end(why)
        }
    }

    // MARK: the queue

    private func enqueue() {
        let request = EnqueueRequest(
            waiter: id, tenant: request.tenant, selector: request.selector,
            headStartSeconds: request.headStartSeconds, run: request.run,
            wait: request.mayWait || machine.ticket != nil, ticket: machine.ticket, attempt: machine.attempt,
            alias: request.alias, keepSeconds: request.keepSeconds)
        table.queue.enqueue(request) { [self] reply in
            switch reply {
            case .granted(_, let grant): table.queue.acknowledge(grant)
            case .queued(let ticket): table.events.queued(name, ticket: ticket)
            case .refused, .gone, .takenBack: break
            }
            step { $0.enqueueReplied(reply) }
        }
    }

    private func cancel(_ lease: LeaseID?, dialed: Bool) {
        // A lease that is given back beside a dial does not end that dial.
        let hangUp = machine.isDialing ? {} : hangUpLater()
        table.queue.cancel(lease?.waiter ?? id, tenant: request.tenant, lease: lease, dialed: dialed, done: hangUp)
    }

    private func expire(_ lease: LeaseID?, _ expiry: Expiry) {
        table.queue.expire(lease?.waiter ?? id, tenant: request.tenant, lease: lease, expiry) {
            [self, id] obstacle in
            step { $0.explained(obstacle, of: id) }
        }
    }

    private func reject(_ lease: LeaseID, _ reason: RejectReason, final: Bool) {
        let hangUp = hangUpLater()
        table.events.reject(name, lease, reason)
        table.queue.reject(
            // A wait dials for the first connection of its lease.
            lease, tenant: request.tenant, attach: 1, reason: reason, final: final
        ) { [self] reply in
            hangUp()
            step { [now] in $0.verdictReplied(reply, now: now, freshID: table.runtime.freshWaiterID()) }
        }
    }

    private func reserve(_ lease: LeaseID) {
        table.queue.reserve(lease, tenant: request.tenant) { [self] reply in step { $0.reserveReplied(reply) } }
    }

    // MARK: the dial

    private func dial(_ grant: Grant) {
        call?.close()
        call = table.dialer.dial(
            grant, request.bounds, head: request.head, onConnecting: { [self] in step { $0.dialBegan() } }
        ) { [self] outcome in
            switch outcome {
            case .proved(let worker, let rest):
                // The connection was handed over, and the call has nothing left to close.
                call = nil
                step(Proof(grant: grant, worker: worker, rest: rest)) { $0.proved() }
            case .failed(let failure, let words):
                table.events.dialFailed(name, grant, words)
                guard failure == .local else { return step { $0.dialFailed(failure) } }
                // The slot is free at once, and the queue may grant it to this waiter again. The pause keeps the two from
                // going in circles.
                table.runtime.call(after: GatewayLimits.localPauseMilliseconds) { [self] in
                    step { $0.dialFailed(failure) }
                }
            }
        }
    }

    /// Takes the dial out of use.
    /// - Returns: what closes it. It is closed after a second, if the verdict's reply has not come by then.
    private func hangUpLater() -> () -> Void {
        guard let call else { return {} }
        self.call = nil
        call.abandon()
        let timer = table.runtime.call(after: GatewayLimits.verdictMilliseconds) { call.close() }
        return {
            timer.cancel()
            call.close()
        }
    }

    // MARK: the owner

    private func serve(_ proof: Proof) {
        request.dropHead()
        table.queue.note(.waitEnded, of: request.tenant)
        let session = Session(proof.grant, waitedMilliseconds: now - began)
        self.session = session
        table.events.session(
            name, session.grant, request, ticket: machine.ticket, waitedMilliseconds: session.waitedMilliseconds)
        owner.workerProved(proof.worker, of: proof.grant.lease, rest: proof.rest)
    }

    private func lend(_ grant: Grant, milliseconds: Int) {
        table.noteLent(grant.lease)
        table.queue.note(.waitEnded, of: request.tenant)
        table.remove(id)
        table.events.lent(name, grant, request, ticket: machine.ticket, waitedMilliseconds: now - began)
        owner.slotLent(grant, milliseconds: milliseconds)
    }

    private func end(_ why: WaitEnd) {
        table.remove(id)
        let waited = now - began
        let refusal = why.refusal(for: request, waitedMilliseconds: waited, table.directory())
        table.queue.note(.waitEnded, of: request.tenant)
        if refusal != nil { table.queue.note(.refused, of: request.tenant) }
        table.events.waitEnd(name, request, why, refusal, ticket: machine.ticket, waitedMilliseconds: waited)
        owner.waitEnded(refusal)
    }
}
