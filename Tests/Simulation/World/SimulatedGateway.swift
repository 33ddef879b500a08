import Gateway
import GatewayCore
import Queue
import QueueCore
import SimulationChecks

/// A gateway of the simulated fleet: the shipped `QueueClient` and `WaitDriver`, driven as `GatewayServer` drives them.
final class SimulatedGateway: QueueClientDelegate {
    let process: SimulatedProcess
    let queue: QueueClient
    let runtime: SimulatedRuntime
    unowned let world: World
    private(set) var waits: WaitTable<PipeEnd>!
    private(set) var dialer: SimulatedDialer!
    private var waitQueue: SimulatedWaitQueue!
    var borrowers: [SimulatedBorrower] = []
    var attachments: [SimulatedAttachment] = []
    private(set) var isDraining = false
    private var isStopped = false
    private var probes: [ProcessID: SimulatedCall] = [:]
    private var held = 0
    private let fleet: String

    init(_ world: World, process: SimulatedProcess, declaration: Declaration) {
        self.world = world
        self.process = process
        fleet = world.fleetName
        runtime = SimulatedRuntime(process, server: world.server) { [unowned world] in
            world.idChance.next()
        }
        guard let queue = QueueClient(runtime: runtime, fleet: fleet, node: process.host) else {
            preconditionFailure("a simulated host's name is a node id")
        }
        self.queue = queue
        dialer = SimulatedDialer(self)
        waitQueue = SimulatedWaitQueue(self)
        waits = WaitTable(
            runtime: runtime, queue: waitQueue, dialer: dialer, events: SimulatedWaitEvents(gateway: self))
        queue.delegate = self
        runtime.isPolling = !world.plants(.noPoll)
        process.whenGone { [weak self] in self?.died() }
        queue.declare(declaration)
        queue.start()
        _ = process.schedule(after: Int64(QueueLimits.storeAwayMilliseconds) * 1_000) { [weak self] in
            guard let self else { return }
            if !self.queue.isAvailable { storeWentAway() }
        }
    }

    var id: ProcessID { queue.id }
    var isTakingClients: Bool { !process.isGone && !isDraining }

    func freshID() -> WaiterID { runtime.freshWaiterID() }

    /// The client whose wait or session has that id.
    func client(of waiter: WaiterID) -> SimulatedClient? {
        (waits[waiter]?.owner as? SimulatedClientConnection)?.client
    }

    /// The client that attaches to a lease and is not served yet.
    func client(attachingTo lease: LeaseID) -> SimulatedClient? {
        attachments.first { $0.isDialing(lease) }?.client
    }

    /// Its file changed.
    func reload(_ declaration: Declaration) { queue.declare(declaration) }

    // MARK: clients

    func accept(_ client: SimulatedClient) {
        guard isTakingClients else { return client.refused(.shuttingDown) }
        if let lease = client.plan.attaches {
            return SimulatedAttachment(client, to: lease, gateway: self).begin()
        }
        if client.plan.borrows { return SimulatedBorrower(client, gateway: self).begin() }
        held += 1
        world.ledger.note(
            .waitBegan(client: client.id, gateway: id, tenant: client.plan.tenant, until: client.deadline))
        SimulatedClientConnection(client, gateway: self).begin()
    }

    /// Somebody asks for the end of what a tenant has.
    func end(_ target: EndTarget, of tenant: String) {
        world.trace("\(process.name) is asked to end \(target) of \(tenant)")
        process.arrive { [self] in queue.end(target, tenant: tenant) { _ in } }
    }

    func waitOver() {
        held -= 1
        finishDrainIfEmpty()
    }

    private func died() {
        for wait in waitsInOrder { client(of: wait.id)?.gatewayDied() }
        for borrower in borrowers { borrower.client.gatewayDied() }
        for attachment in attachments { attachment.client.gatewayDied() }
        (borrowers, attachments) = ([], [])
        probes = [:]
    }

    /// In an order that the seed alone decides.
    private var waitsInOrder: [WaitDriver<PipeEnd>] { waits.values.sorted { $0.id.text < $1.id.text } }

    /// Those it holds in line.
    var waiting: [WaiterID] {
        waitsInOrder.compactMap { $0.machine.state == .waiting ? $0.id : nil }
    }

    // MARK: the end

    /// Takes no new clients, serves those it has for so long, tells the rest, leaves, and ends.
    func drain(timeout: Int64) {
        guard !isDraining else { return }
        isDraining = true
        _ = process.schedule(after: timeout) { [weak self] in
            guard let self else { return }
            for wait in waitsInOrder { wait.drainTimePassed() }
            _ = process.schedule(after: milliseconds(1_000)) { [weak self] in
                guard let self else { return }
                for wait in waitsInOrder { wait.drainTimePassed() }
                _ = process.schedule(after: milliseconds(1_500)) { [weak self] in self?.stop() }
            }
        }
        finishDrainIfEmpty()
    }

    private func finishDrainIfEmpty() {
        if isDraining, held == 0 { stop() }
    }

    private func stop() {
        guard !isStopped else { return }
        isStopped = true
        for wait in waitsInOrder { client(of: wait.id)?.connection?.clientLeft() }
        for borrower in borrowers { borrower.clientLeft() }
        for attachment in attachments { attachment.clientLeft() }
        for probe in probes.sorted(by: { $0.key.text < $1.key.text }) { probe.value.close() }
        probes = [:]
        queue.stop { [process] in process.end() }
    }

    // MARK: what the queue says

    func queueClient(_ client: QueueClient, granted grant: Grant) {
        waitQueue.acknowledge(grant)
        if waits.wasLent(grant.lease), !world.plants(.lentTakenBack) { return }
        if let wait = waits[grant.lease.waiter] {
            queue.forget(grant.lease.waiter)
            wait.granted(grant)
        } else {
            queue.cancel(grant.lease.waiter, tenant: "", lease: grant.lease, dialed: false) {}
        }
    }

    func queueClient(_ client: QueueClient, ended waiter: WaiterID, why: EndReason) {
        waits[waiter]?.endedFromOutside(why)
    }

    func queueClient(_ client: QueueClient, probe worker: ProcessID, address: String) {
        guard probes[worker] == nil else { return }
        let nonce = world.nonce()
        let request = Wire.ProbeRequest(fleet: fleet, worker: worker, nonce: nonce)
        probes[worker] = SimulatedCall(
            process, exchange: world.exchange, address: address, nonce: nonce, message: .probe(request),
            onConnecting: {}
        ) { [unowned self] outcome in
            probes.removeValue(forKey: worker)?.close()
            world.ledger.note(.probed(gateway: id, worker: worker))
            switch outcome {
            case .alive: queue.probed(worker, passed: true)
            case .proved(let end):
                end.close()
                queue.probed(worker, passed: false)
            case .failed(.local): break
            case .failed: queue.probed(worker, passed: false)
            }
        }
    }

    func queueClientRoll(_ client: QueueClient) -> [WaiterRoll.Entry]? {
        waitsInOrder.map(\.rollEntry)
    }

    func queueClient(_ client: QueueClient, lost waiters: [WaiterID]) {
        if world.plants(.lostWaitersIgnored) { return }
        for id in waiters { waits[id]?.registeredAnew() }
    }

    func queueClientRegisteredAnew(_ client: QueueClient) {
        world.ledger.note(.registeredAnew(process: id))
        if world.plants(.lostWaitersIgnored) { return }
        for wait in waitsInOrder { wait.registeredAnew() }
    }

    func queueClient(_ client: QueueClient, available: Bool) {
        world.trace("\(process.name) Redis \(available ? "is there" : "is away")")
        if available { waits.isStoreAway = false } else { storeWentAway() }
    }

    private func storeWentAway() {
        waits.isStoreAway = true
        for wait in waitsInOrder { wait.storeWentAway() }
    }

    func queueClient(_ client: QueueClient, notice: String) {
        world.trace("\(process.name) notice: \(notice)")
        world.ledger.note(.notice(process: id, words: notice))
    }
}
