import EventLoop
import GatewayCore
import Queue
import QueueCore

/// One client's wait: the `Waiter` machine with its request, its dial, and the queue.
final class Wait {
    private unowned let server: GatewayServer
    unowned let client: ClientConnection
    private(set) var request: WaitRequest
    /// The name of this wait in every log line, whatever id the queue knows it by later.
    private let name: WaiterID
    private(set) var machine: Waiter
    private var call: WorkerCall?
    private let began: UInt64

    var id: WaiterID { machine.id }
    var deadline: UInt64 { machine.deadline }

    init(_ request: WaitRequest, client: ClientConnection, deadline: UInt64) {
        self.request = request
        self.client = client
        server = client.server
        name = Wait.freshID()
        machine = Waiter(id: name, deadline: deadline)
        began = client.server.loop.now
    }

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
        server.log.accept(name, request)
        perform(machine.begin(storeAvailable: !server.isStoreAway))
    }

    func granted(_ grant: Grant) {
        let before = machine.attempt
        let action = machine.granted(grant)
        note(grant, isNew: machine.attempt > before)
        perform(action)
    }

    func endedFromOutside(_ why: EndReason) { step { $0.endedFromOutside(why) } }
    func registeredAnew() { step { $0.registeredAnew(freshID: Wait.freshID()) } }
    func storeWentAway() { step { $0.storeWentAway() } }
    func clientLeft() { step { $0.clientLeft() } }
    func clientBroke() { step { $0.clientBroke() } }
    func deadlinePassed() { step { $0.deadlinePassed() } }
    func drainTimePassed() { step { $0.drainTimePassed() } }

    private func step(_ event: (inout Waiter) -> Waiter.Action) {
        let before = id
        let action = event(&machine)
        if id != before {
            server.waits.removeValue(forKey: before)
            server.waits[id] = self
            server.log.renamed(name, to: id)
        }
        perform(action)
    }

    // MARK: what the machine decided

    /// The only place where something is done. The queue hears first: its verdict must precede what a worker sees.
    private func perform(_ action: Waiter.Action) {
        tell(action.queue)
        switch action.client {
        case .none, .relay: break
        case .dial(let grant): dial(grant)
        case .end(let why): end(why)
        }
    }

    private func tell(_ action: Waiter.QueueAction) {
        switch action {
        case .none: break
        case .enqueue: enqueue()
        case .cancel(let lease, let dialed):
            // A lease that is given back beside a dial does not end that dial.
            let hangUp = machine.isDialing ? {} : hangUpLater()
            server.queue.cancel(
                lease?.waiter ?? id, tenant: request.tenant, lease: lease, dialed: dialed, done: hangUp)
        case .reject(let lease, let reason, let final):
            let hangUp = hangUpLater()
            server.log.reject(name, lease, reason)
            server.queue.reject(lease, tenant: request.tenant, reason: reason, final: final) { [self] reply in
                hangUp()
                step { [now] in $0.verdictReplied(reply, now: now, freshID: Wait.freshID()) }
            }
        }
    }

    private func enqueue() {
        let request = EnqueueRequest(
            waiter: id, tenant: request.tenant, selector: request.selector,
            headStartSeconds: request.headStartSeconds, run: request.run,
            wait: request.mayWait || machine.ticket != nil, ticket: machine.ticket, attempt: machine.attempt,
            alias: request.alias)
        server.queue.enqueue(request) { [self] reply in
            if case .granted(_, let grant) = reply { server.queue.acknowledge(grant.lease) }
            let before = machine.attempt
            let action = machine.enqueueReplied(reply)
            switch reply {
            case .granted(_, let grant): note(grant, isNew: machine.attempt > before)
            case .queued(let ticket): server.log.queued(name, ticket: ticket)
            case .refused, .gone, .takenBack: break
            }
            perform(action)
        }
    }

    private func note(_ grant: Grant, isNew: Bool) {
        guard isNew else { return }
        server.grantRate.noteGrant(now: now)
        server.log.grant(name, grant, ticket: machine.ticket)
    }

    // MARK: the dial

    private func dial(_ grant: Grant) {
        call?.close()
        call = server.caller.dial(
            grant, head: request.head, onConnecting: { [self] in step { $0.dialBegan() } }
        ) { [self] outcome in
            switch outcome {
            case .proved(let worker, let rest): proved(grant, worker, rest)
            case .failed(let failure, let words):
                server.log.dialFailed(name, grant, words)
                guard failure == .local else { return step { $0.dialFailed(failure) } }
                // Its slot is free at once and may be granted to this waiter again: without a pause that goes in circles.
                server.loop.schedule(after: GatewayLimits.localPauseMilliseconds) { [self] in
                    step { $0.dialFailed(failure) }
                }
            }
        }
    }

    private func proved(_ grant: Grant, _ worker: Stream, _ rest: [UInt8]) {
        let action = machine.proved()
        guard action.client == .relay else { return worker.close() }
        call = nil
        tell(action.queue)
        request.dropHead()
        let waited = now - began
        server.log.session(name, grant, request, ticket: machine.ticket, waitedMilliseconds: waited)
        client.startRelay(to: worker, rest: rest) { [self] end in
            // Until here a grant that comes twice is known as this session's.
            step { $0.sessionEnded() }
            server.waits.removeValue(forKey: id)
            server.log.sessionEnd(name, grant, request, end, waitedMilliseconds: waited)
        }
    }

    /// Takes the dial out of use, and answers what closes it: called on the verdict's reply, or else after a second.
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

    private func end(_ why: WaitEnd) {
        server.waits.removeValue(forKey: id)
        let refusal = why.refusal(for: request, cap: server.admission.tenancy.tenant(named: request.tenant).limits.cap)
        server.log.waitEnd(name, request, why, refusal, ticket: machine.ticket, waitedMilliseconds: now - began)
        client.end(refusal)
    }
}
