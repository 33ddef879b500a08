import Gateway
import GatewayCore
import Queue
import QueueCore
import SimulationChecks

/// One client's wait, as `Wait` drives it: the shipped `Waiter` with its dial and the queue.
final class SimulatedWait {
    private unowned let gateway: SimulatedGateway
    let client: SimulatedClient
    private(set) var machine: Waiter
    private var call: SimulatedCall?
    private var expiry: ProcessTimer?
    /// Its end was told, or its session's.
    private var isOver = false
    private var session: PipeEnd?

    init(_ client: SimulatedClient, gateway: SimulatedGateway) {
        self.client = client
        self.gateway = gateway
        machine = Waiter(id: gateway.freshID(), deadline: UInt64(client.deadline / 1_000))
    }

    private var process: SimulatedProcess { gateway.process }
    private var now: UInt64 { process.now }
    private var world: World { gateway.world }

    // MARK: events

    func begin() {
        gateway.waits[machine.id] = self
        client.wait = self
        world.ledger.note(.queuedAs(client: client.id, waiter: machine.id))
        expire(after: max(0, client.deadline - process.timeline.now))
        perform(machine.begin(storeAvailable: !gateway.isStoreAway))
    }

    func granted(_ grant: Grant) { perform(machine.granted(grant)) }
    func endedFromOutside(_ why: EndReason) { step { $0.endedFromOutside(why) } }
    func registeredAnew() { step { $0.registeredAnew(freshID: gateway.freshID()) } }
    func storeWentAway() { step { $0.storeWentAway() } }
    func drainTimePassed() { step { $0.drainTimePassed() } }

    func clientLeft() {
        if let session { return sessionEnded(session, byClient: true) }
        step { $0.clientLeft() }
    }

    private func expire(after delay: Int64) {
        expiry = process.schedule(after: delay) { [weak self] in
            guard let self, !isOver, session == nil else { return }
            step { $0.deadlinePassed() }
            // A dial under way goes first; what becomes of it is looked at again.
            expire(after: Int64(GatewayLimits.verdictMilliseconds) * 1_000)
        }
    }

    private func step(_ event: (inout Waiter) -> Waiter.Action) {
        let before = machine.id
        let action = event(&machine)
        if machine.id != before {
            gateway.waits.removeValue(forKey: before)
            gateway.waits[machine.id] = self
            world.ledger.note(.queuedAs(client: client.id, waiter: machine.id))
        }
        perform(action)
    }

    // MARK: what the machine decided

    private func perform(_ action: Waiter.Action) {
        tell(action.queue)
        switch action.client {
        case .none, .relay: break
        case .dial(let grant): dial(grant)
        case .end(let why): end(why)
        }
    }

    private func tell(_ action: Waiter.QueueAction) {
        let queue = gateway.queue
        switch action {
        case .none: break
        case .enqueue: enqueue()
        case .cancel(let lease, let dialed):
            // A lease that is given back beside a dial does not end that dial.
            let hangUp = machine.isDialing ? {} : hangUpLater()
            if world.plants(.cancelForgotten) { return hangUp() }
            queue.cancel(
                lease?.waiter ?? machine.id, tenant: client.plan.tenant, lease: lease, dialed: dialed, done: hangUp)
        case .reject(let lease, let reason, let final):
            let hangUp = hangUpLater()
            queue.reject(lease, tenant: client.plan.tenant, reason: reason, final: final) { [self] reply in
                hangUp()
                step { [now] in $0.verdictReplied(reply, now: now, freshID: gateway.freshID()) }
            }
        }
    }

    private func enqueue() {
        let plan = client.plan
        let request = EnqueueRequest(
            waiter: machine.id, tenant: plan.tenant, selector: plan.selector, headStartSeconds: plan.headStartSeconds,
            run: plan.run, wait: plan.mayWait || machine.ticket != nil, ticket: machine.ticket,
            attempt: machine.attempt, alias: plan.alias, keepSeconds: plan.keepSeconds)
        guard world.plants(.cancelOvertakes) else { return send(request) }
        _ = process.schedule(after: milliseconds(30)) { [self] in send(request) }
    }

    private func send(_ request: EnqueueRequest) {
        gateway.queue.enqueue(request) { [self] reply in
            if case .granted(_, let grant) = reply {
                world.ledger.note(.gatewayHeard(gateway: gateway.id, lease: grant.lease))
                gateway.queue.acknowledge(grant.lease)
            }
            perform(machine.enqueueReplied(reply))
        }
    }

    // MARK: the dial

    private func dial(_ grant: Grant) {
        call?.close()
        let nonce = world.nonce()
        let request = Wire.GrantRequest(
            fleet: gateway.world.fleetName, worker: grant.worker, slot: grant.slot, lease: grant.lease,
            attach: grant.attach,
            token: grant.token, nonce: nonce)
        world.ledger.note(.dialed(gateway: gateway.id, worker: grant.worker, lease: grant.lease))
        call = SimulatedCall(
            process, exchange: world.exchange, address: grant.address, nonce: nonce,
            message: .grant(request, client: client.id), onConnecting: { [self] in step { $0.dialBegan() } }
        ) { [self] outcome in
            switch outcome {
            case .proved(let end): proved(grant, end)
            case .alive: step { $0.dialFailed(.unreachable) }
            case .failed(.local):
                // Its slot is free at once and may be granted to this waiter again: without a pause that goes in circles.
                _ = process.schedule(after: Int64(GatewayLimits.localPauseMilliseconds) * 1_000) { [self] in
                    step { $0.dialFailed(.local) }
                }
            case .failed(let failure): step { $0.dialFailed(failure) }
            }
        }
    }

    private func proved(_ grant: Grant, _ end: PipeEnd) {
        let action = machine.proved()
        guard action.client == .relay else { return end.close() }
        call = nil
        tell(action.queue)
        session = end
        expiry?.cancel()
        end.onEnd = { [self] in sessionEnded(end, byClient: false) }
        world.ledger.note(.relayBegan(client: client.id, lease: grant.lease))
        client.served(through: end)
    }

    private func sessionEnded(_ end: PipeEnd, byClient: Bool) {
        guard session === end, !isOver else { return }
        isOver = true
        end.close()
        step { $0.sessionEnded() }
        gateway.waits.removeValue(forKey: machine.id)
        world.ledger.note(.waitEnded(client: client.id, how: byClient ? .served : .sessionLost))
        client.over(byClient ? .served : .sessionLost)
        if byClient, client.plan.keepSeconds > 0, case .finished(let lease) = machine.state {
            world.comeBack(for: lease, client.plan)
        }
        gateway.waitOver()
    }

    /// Takes the dial out of use, and answers what closes it: called on the verdict's reply, or else after a second.
    private func hangUpLater() -> () -> Void {
        guard let call else { return {} }
        self.call = nil
        if world.plants(.hangUpBeforeVerdict) { call.close() }
        call.abandon()
        let timer = process.schedule(after: Int64(GatewayLimits.verdictMilliseconds) * 1_000) { call.close() }
        return {
            timer.cancel()
            call.close()
        }
    }

    private func end(_ why: WaitEnd) {
        isOver = true
        expiry?.cancel()
        gateway.waits.removeValue(forKey: machine.id)
        world.ledger.note(.waitEnded(client: client.id, how: .refused(String(describing: why))))
        client.over(.refused(String(describing: why)))
        gateway.waitOver()
    }
}
