import EventLoop
import GatewayCore
import Queue
import QueueCore

/// The driver of the machine `Waiter`: it connects one wait with the queue, with its dial and with its owner.
final class WaitDriver {
    private unowned let server: GatewayServer
    unowned let owner: any WaitOwner
    private(set) var request: WaitRequest
    /// The id under which the wait was enqueued first. Every event has this one, because the queue may know the wait by
    /// another id later.
    private let name: WaiterID
    private(set) var machine: Waiter
    private var call: WorkerCall?
    private var session: Session?
    private let began: UInt64

    /// What the last event of a session repeats. A class, because most waits have none.
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
        let worker: Stream
        let rest: [UInt8]
    }

    /// - Parameter deadline: in milliseconds of the loop's clock. The owner calls `deadlinePassed` then.
    init(_ request: WaitRequest, owner: any WaitOwner, server: GatewayServer, deadline: UInt64) {
        self.request = request
        self.owner = owner
        self.server = server
        name = WaitDriver.freshID()
        machine = Waiter(id: name, deadline: deadline)
        began = server.loop.now
    }

    var id: WaiterID { machine.id }
    var deadline: UInt64 { machine.deadline }

    /// What Redis should have of it.
    var rollEntry: WaiterRoll.Entry { WaiterRoll.Entry(id: id, standing: machine.rollStanding) }

    private static func freshID() -> WaiterID {
        guard let id = WaiterID(Crypto.randomHex(bytes: 16)) else { preconditionFailure("32 hex digits are an id") }
        return id
    }

    private var now: UInt64 { server.loop.now }

    // MARK: events

    func begin() {
        server.waits[id] = self
        server.events.accept(name, request)
        step { $0.begin(storeAvailable: !server.isStoreAway) }
    }

    func granted(_ grant: Grant) { step { $0.granted(grant) } }
    func endedFromOutside(_ why: EndReason) { step { $0.endedFromOutside(why) } }
    func registeredAnew() { step { $0.registeredAnew(freshID: WaitDriver.freshID()) } }
    func storeWentAway() { step { $0.storeWentAway() } }
    func clientLeft() { step { $0.clientLeft() } }
    func clientBroke() { step { $0.clientBroke() } }
    func deadlinePassed() { step { $0.deadlinePassed() } }
    func drainTimePassed() { step { $0.drainTimePassed() } }

    /// The session's connections are closed.
    func sessionEnded(_ end: Relay.End) {
        guard let session else { return }
        // Until here a grant that comes twice is known as this session's.
        step { $0.sessionEnded() }
        server.waits.removeValue(forKey: id)
        server.events.sessionEnd(
            name, session.grant, request, end, waitedMilliseconds: session.waitedMilliseconds)
    }

    /// - Parameter proof: set for the event that a worker proved itself.
    private func step(_ proof: Proof? = nil, _ event: (inout Waiter) -> Waiter.Action) {
        let (idBefore, attemptBefore) = (id, machine.attempt)
        let action = event(&machine)
        if id != idBefore {
            server.waits.removeValue(forKey: idBefore)
            server.waits[id] = self
            server.events.renamed(name, to: id)
        }
        if machine.attempt > attemptBefore, let grant = machine.newest {
            server.grantRate.noteGrant(now: now)
            server.events.grant(name, grant, ticket: machine.ticket)
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
        case .reject(let lease, let reason, let final): reject(lease, reason, final: final)
        }
        switch action.client {
        case .none: proof?.worker.close()
        case .dial(let grant): dial(grant)
        case .relay: if let proof { serve(proof) }
        case .end(let why): end(why)
        }
    }

    // MARK: the queue

    private func enqueue() {
        let request = EnqueueRequest(
            waiter: id, tenant: request.tenant, selector: request.selector,
            headStartSeconds: request.headStartSeconds, run: request.run,
            wait: request.mayWait || machine.ticket != nil, ticket: machine.ticket, attempt: machine.attempt,
            alias: request.alias)
        server.queue.enqueue(request) { [self] reply in
            switch reply {
            case .granted(_, let grant): server.queue.acknowledge(grant.lease)
            case .queued(let ticket): server.events.queued(name, ticket: ticket)
            case .refused, .gone, .takenBack: break
            }
            step { $0.enqueueReplied(reply) }
        }
    }

    private func cancel(_ lease: LeaseID?, dialed: Bool) {
        // A lease that is given back beside a dial does not end that dial.
        let hangUp = machine.isDialing ? {} : hangUpLater()
        server.queue.cancel(lease?.waiter ?? id, tenant: request.tenant, lease: lease, dialed: dialed, done: hangUp)
    }

    private func reject(_ lease: LeaseID, _ reason: RejectReason, final: Bool) {
        let hangUp = hangUpLater()
        server.events.reject(name, lease, reason)
        server.queue.reject(lease, tenant: request.tenant, reason: reason, final: final) { [self] reply in
            hangUp()
            step { [now] in $0.verdictReplied(reply, now: now, freshID: WaitDriver.freshID()) }
        }
    }

    // MARK: the dial

    private func dial(_ grant: Grant) {
        call?.close()
        call = server.dialer.dial(
            grant, head: request.head, onConnecting: { [self] in step { $0.dialBegan() } }
        ) { [self] outcome in
            switch outcome {
            case .proved(let worker, let rest):
                // The connection was handed over, and the call has nothing left to close.
                call = nil
                step(Proof(grant: grant, worker: worker, rest: rest)) { $0.proved() }
            case .failed(let failure, let words):
                server.events.dialFailed(name, grant, words)
                guard failure == .local else { return step { $0.dialFailed(failure) } }
                // Its slot is free at once and may be granted to this waiter again: without a pause that goes in circles.
                server.loop.schedule(after: GatewayLimits.localPauseMilliseconds) { [self] in
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
        let timer = server.loop.schedule(after: GatewayLimits.verdictMilliseconds) { call.close() }
        return {
            timer.cancel()
            call.close()
        }
    }

    // MARK: the owner

    private func serve(_ proof: Proof) {
        request.dropHead()
        let session = Session(proof.grant, waitedMilliseconds: now - began)
        self.session = session
        server.events.session(
            name, session.grant, request, ticket: machine.ticket, waitedMilliseconds: session.waitedMilliseconds)
        owner.workerProved(proof.worker, rest: proof.rest)
    }

    private func end(_ why: WaitEnd) {
        server.waits.removeValue(forKey: id)
        let refusal = why.refusal(for: request, cap: server.admission.tenancy.tenant(named: request.tenant).limits.cap)
        server.events.waitEnd(name, request, why, refusal, ticket: machine.ticket, waitedMilliseconds: now - began)
        owner.waitEnded(refusal)
    }
}
