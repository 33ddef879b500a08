import Queue
import QueueCore
import SimulationChecks
import Worker
import WorkerCore

/// A worker of the simulated fleet: the shipped `SlotRegistry` and `SlotBoard`, put together as `WorkerAgent` does it.
final class SimulatedWorker: SlotRegistryDelegate {
    let process: SimulatedProcess
    let registry: SlotRegistry
    let runtime: SimulatedRuntime
    let address: String
    private unowned let world: World
    private let board: SlotBoard
    private let sidecars: SimulatedSidecars
    /// By slot: those that serve a client.
    private var sessions: [Int: SimulatedSession] = [:]
    private(set) var isDraining = false
    private var isStopping = false
    private let lifetime: Int
    /// By slot.
    private let seatings: [Seating]
    private var sessionsBegun = 0

    init(_ world: World, process: SimulatedProcess, port: Int, plans: [PoolPlan], lifetime: Int) {
        self.world = world
        self.process = process
        self.lifetime = lifetime
        seatings = plans.flatMap { Array(repeating: $0.seating, count: $0.slots) }
        address = "\(process.host):\(port)"
        runtime = SimulatedRuntime(process, server: world.server) { [unowned world] in
            world.idChance.next()
        }
        guard
            let registry = SlotRegistry(
                runtime: runtime, fleet: world.fleetName, node: process.host, address: address, port: port,
                pools: plans.flatMap { Array(repeating: $0.pool, count: $0.slots) }, caps: world.shape.caps,
                lifetime: lifetime, version: "simulated")
        else { preconditionFailure("a simulated host's name is a node id") }
        self.registry = registry
        sidecars = SimulatedSidecars(process) { [unowned world] in world.sidecarTime(of: $0) }
        board = SlotBoard(
            pools: plans, ledger: SimulatedLedger(registry) { [unowned world] in world.plants($0) },
            around: SidecarContext(
                clock: runtime, host: sidecars, events: SlotTrace(world, process, registry.id),
                seed: world.idChance.next()))
        board.onChange = { [weak self] in self?.lookAtDrain() }
        process.whenGone { [weak self] in self?.died() }
        board.start()
        registry.delegate = self
        registry.start()
        world.exchange.listen(process, at: address) { [weak self] in self?.connected($0) }
    }

    var id: ProcessID { registry.id }
    var table: SlotTable { board.table }

    // MARK: connections

    private func connected(_ end: PipeEnd) {
        // Whoever does not say what it wants is closed.
        let timer = process.schedule(after: Int64(WorkerLimits.requestMilliseconds) * 1_000) { end.close() }
        end.onEnd = { timer.cancel() }
        end.onMessage = { [weak self] message in
            timer.cancel()
            guard let self, !isStopping else { return end.close() }
            switch message {
            case .probe(let probe) where probe.worker == id:
                end.send(.alive(nonce: probe.nonce))
                end.close()
            case .grant(let grant, let client) where grant.worker == id:
                board.present(SimulatedSession(grant, client: client, gateway: end, worker: self))
            case .probe, .grant, .proof, .reject, .alive, .bytes: end.close()
            }
        }
    }

    // MARK: sessions

    /// How long a sidecar takes for a connection now, and whether it takes it.
    func connectsSidecar() -> (delay: Int64, succeeds: Bool) {
        let illness = sidecars.illness
        let delay = illness.connects.map { milliseconds($0) } ?? world.sidecarChance.number(50...milliseconds(4))
        return (delay, !illness.refusesClients)
    }

    /// The proof was sent.
    func began(_ session: SimulatedSession, client: Int) {
        let grant = session.grant
        sessions[grant.slot] = session
        world.ledger.note(
            .served(
                worker: id, slot: grant.slot, lease: grant.lease, token: grant.token, attach: grant.attach,
                client: client))
        if grant.attach == 1, let sidecar = board.sidecar(of: grant.slot) {
            let seating = seatings[grant.slot]
            world.ledger.note(
                .sidecarServes(
                    worker: id, start: "\(sidecar.number)-\(sidecar.starts)", slot: grant.slot, lease: grant.lease,
                    seats: seating.seats, sessionsMax: seating.sessionsMax))
        }
        sessionsBegun += grant.attach == 1 ? 1 : 0
        if lifetime > 0, sessionsBegun >= lifetime { retire() }
    }

    func ended(_ session: SimulatedSession) {
        sessions[session.grant.slot] = nil
        world.ledger.note(.unserved(worker: id, slot: session.grant.slot, lease: session.grant.lease))
    }

    // MARK: what befalls it

    /// A sidecar ends by itself; `connectionFirst`: it closes its client's connection before.
    func crashSidecar(_ slot: Int, connectionFirst: Bool) {
        process.arrive { [self] in
            world.ledger.note(.sidecarCrashed(worker: id, slot: slot))
            if connectionFirst { sessions[slot]?.sidecarHungUp() }
            if let sidecar = board.sidecar(of: slot) { sidecars.crash(sidecar.number) }
        }
    }

    func fallIll(_ illness: SimulatedSidecars.Illness) { sidecars.illness = illness }

    private func died() {
        for slot in sessions.keys.sorted() {
            guard let session = sessions[slot] else { continue }
            world.ledger.note(.unserved(worker: id, slot: slot, lease: session.grant.lease))
        }
        sessions = [:]
    }

    // MARK: the end

    /// Takes no more clients, lets those served go on for so long, then ends.
    func drain(timeout: Int64) {
        guard !isDraining else { return }
        isDraining = true
        registry.drain()
        board.drain()
        _ = process.schedule(after: timeout) { [weak self] in self?.board.closeAll(reason: "drained") }
        lookAtDrain()
    }

    /// It has served as many as it may: another one takes its place.
    private func retire() {
        guard !isDraining else { return }
        world.trace("\(process.name) has served its \(lifetime) sessions")
        process.whenGone { [world, host = process.host] in
            world.timeline.after(milliseconds(200)) { world.restart(host) }
        }
        drain(timeout: seconds(5))
    }

    private func lookAtDrain() {
        guard isDraining, !isStopping, board.isStopped else { return }
        isStopping = true
        // Redis may be away; then the TTL ends this worker there.
        let timer = process.schedule(after: Int64(WorkerLimits.redisFarewellMilliseconds) * 1_000) { [process] in
            process.end()
        }
        registry.stop { [process] in
            timer.cancel()
            process.end()
        }
    }

    // MARK: what the queue says

    func slotRegistryTrouble(_ registry: SlotRegistry) -> String { "" }

    func slotRegistryRows(_ registry: SlotRegistry) -> [SlotRow] { board.table.rows }

    func slotRegistry(_ registry: SlotRegistry, close lease: LeaseID, reason: String) {
        world.ledger.note(.ordered(worker: id, close: lease))
        board.close(lease, reason: reason)
    }

    func slotRegistry(_ registry: SlotRegistry, recycle slot: Int, token: Token) {
        if !world.plants(.recycleIgnored) { board.recycle(slot, token: token) }
    }

    func slotRegistryLicenceOver(_ registry: SlotRegistry) {
        world.trace("\(process.name) was cut off from Redis for its TTL")
        board.closeAll(reason: "strict_caps")
    }

    func slotRegistryDrain(_ registry: SlotRegistry) {
        guard !isDraining else { return }
        world.trace("\(process.name) is ordered to drain")
        drain(timeout: milliseconds(5_000))
    }

    func slotRegistrySuperseded(_ registry: SlotRegistry) {
        guard !isDraining else { return }
        world.trace("\(process.name) is superseded")
        drain(timeout: milliseconds(5_000))
    }

    func slotRegistry(_ registry: SlotRegistry, available: Bool) {
        world.trace("\(process.name) Redis \(available ? "is there" : "is away")")
    }

    func slotRegistry(_ registry: SlotRegistry, notice: String) {
        world.trace("\(process.name) notice: \(notice)")
        world.ledger.note(.notice(process: id, words: notice))
    }
}

/// Writes the events of a worker's slots into the trace.
private final class SlotTrace: SlotEvents {
    private unowned let world: World
    private let process: SimulatedProcess
    private let id: ProcessID

    init(_ world: World, _ process: SimulatedProcess, _ id: ProcessID) {
        self.world = world
        self.process = process
        self.id = id
    }

    func slot(_ slot: Int, of pool: Pool, _ event: SlotEvent) {
        world.trace("\(process.name) slot \(slot): \(event)")
        guard case .changed(let row) = event else { return }
        if row.state == .free { world.ledger.note(.slotIsFree(worker: id, slot: slot, token: row.token)) }
        // A free slot recycles only if its sidecar is gone or is replaced for its age.
        if row.state == .recycling { world.ledger.note(.sidecarCrashed(worker: id, slot: slot)) }
    }

    func sidecar(_ number: Int, of pool: Pool, pid: Int32?, _ event: SidecarEvent) {
        world.trace("\(process.name) sidecar \(number): \(event)")
    }
}
