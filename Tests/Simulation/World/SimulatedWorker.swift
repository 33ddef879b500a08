import Queue
import QueueCore
import SimulationChecks
import Worker
import WorkerCore

/// A worker of the simulated fleet: the shipped `SlotRegistry`, `SlotTable` and `SidecarSupervisor`, driven as
/// `WorkerAgent` and `SlotBoard` drive them.
final class SimulatedWorker: SlotRegistryDelegate {
    let process: SimulatedProcess
    let registry: SlotRegistry
    let runtime: SimulatedRuntime
    let address: String
    private unowned let world: World
    private(set) var table: SlotTable
    private var sidecars: [SimulatedSidecar] = []
    private var sessions: [Int: SimulatedSession] = [:]
    private(set) var isDraining = false
    private var isStopping = false
    private let lifetime: Int
    private var sessionsBegun = 0

    init(_ world: World, process: SimulatedProcess, port: Int, pools: [Pool], lifetime: Int) {
        self.world = world
        self.process = process
        self.lifetime = lifetime
        address = "\(process.host):\(port)"
        table = SlotTable(pools: pools)
        runtime = SimulatedRuntime(process, server: world.server) { [unowned world] in
            world.idChance.next()
        }
        guard
            let registry = SlotRegistry(
                runtime: runtime, fleet: world.fleetName, node: process.host, address: address, port: port,
                pools: pools, caps: world.shape.caps, lifetime: lifetime)
        else { preconditionFailure("a simulated host's name is a node id") }
        self.registry = registry
        sidecars = pools.indices.map { slot in
            SimulatedSidecar(process, chance: { [unowned world] in world.sidecarTime(of: $0) }) {
                [weak self] in self?.sidecar(slot, $0)
            }
        }
        process.whenGone { [weak self] in self?.died() }
        for sidecar in sidecars { sidecar.start() }
        registry.delegate = self
        registry.start()
        world.exchange.listen(process, at: address) { [weak self] in self?.connected($0) }
    }

    var id: ProcessID { registry.id }

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
            case .grant(let grant, let client) where grant.worker == id: present(grant, client: client, gateway: end)
            case .probe, .grant, .proof, .reject, .alive, .bytes: end.close()
            }
        }
    }

    private func present(_ grant: Wire.GrantRequest, client: Int, gateway: PipeEnd) {
        let slot = grant.slot
        guard table.indices.contains(slot) else { return gateway.close() }
        switch table[slot].presented(grant.lease, grant.token, attach: grant.attach) {
        case .begin:
            begin(grant, client: client, gateway: gateway)
        case .reject(let reason, let token, let slotFree):
            registry.reject(
                grant.lease, slot: slot, token: token, attach: grant.attach, reason: reason, slotFree: slotFree)
            gateway.send(.reject(reason, nonce: grant.nonce))
            gateway.close()
        case .refuse(let reason):
            gateway.send(.reject(reason, nonce: grant.nonce))
            gateway.close()
        case .drop:
            gateway.close()
        }
    }

    // MARK: a grant up to its proof

    private func begin(_ grant: Wire.GrantRequest, client: Int, gateway: PipeEnd) {
        let slot = grant.slot
        precondition(sidecars[slot].listens, "a free or kept slot has a sidecar that listens")
        let session = SimulatedSession(grant, client: client, gateway: gateway) { [weak self] in
            self?.session(grant, $0)
        }
        sessions[slot] = session
        registry.accept(grant.lease, slot: slot, token: grant.token, attach: grant.attach) { [weak self] in
            self?.acceptReplied(grant, $0)
        }
        if world.plants(.proofBeforeAccept) { acceptReplied(grant, .accepted()) }
        let illness = sidecars[slot].illness
        let takes = illness.connects.map { milliseconds($0) } ?? world.sidecarChance.number(50...milliseconds(4))
        session.connect(process, takes: takes, succeeds: !illness.refusesClients)
    }

    private func acceptReplied(_ grant: Wire.GrantRequest, _ reply: AcceptReply) {
        let (slot, token, attach) = (grant.slot, grant.token, grant.attach)
        switch reply {
        case .accepted(let keepSeconds):
            advance(slot, table[slot].acceptCommitted(token, attach: attach, keeps: keepSeconds > 0))
        case .ended: vacate(slot, table[slot].acceptEnded(token, attach: attach))
        case .failed: vacate(slot, table[slot].acceptFailed(token, attach: attach))
        }
    }

    private func advance(_ slot: Int, _ progress: Slot.Progress) {
        guard progress == .prove, let session = sessions[slot] else { return }
        sidecars[slot].sessionBegan()
        session.prove()
        let grant = session.grant
        world.ledger.note(
            .served(
                worker: id, slot: slot, lease: grant.lease, token: grant.token, attach: grant.attach,
                client: session.client))
        sessionsBegun += grant.attach == 1 ? 1 : 0
        if lifetime > 0, sessionsBegun >= lifetime { retire() }
    }

    private func session(_ grant: Wire.GrantRequest, _ event: SimulatedSession.Event) {
        let (slot, token, attach) = (grant.slot, grant.token, grant.attach)
        switch event {
        case .sidecarConnected: advance(slot, table[slot].sidecarConnected(token, attach: attach))
        case .sidecarUnreachable: vacate(slot, table[slot].sidecarUnreachable(token, attach: attach))
        case .gatewayClosed: vacate(slot, table[slot].gatewayClosed(token, attach: attach))
        case .ended(let hungUp):
            vacate(slot, table[slot].sessionEnded(token, attach: attach, bySidecar: hungUp), hungUp: hungUp)
        }
    }

    // MARK: giving a slot up

    private func vacate(_ slot: Int, _ vacated: Slot.Vacated?, hungUp: Bool = false) {
        guard let vacated else { return }
        let session = sessions.removeValue(forKey: slot)
        if session?.isProved == true { world.ledger.note(.unserved(worker: id, slot: slot, lease: vacated.lease)) }
        session?.end(vacated.farewell)
        switch vacated.verdict {
        case .none: break
        case .reject(let verdict):
            registry.reject(
                vacated.lease, slot: slot, token: vacated.token, attach: vacated.attach, reason: verdict,
                slotFree: false
            )
        case .keep:
            registry.keep(vacated.lease, slot: slot, token: vacated.token, attach: vacated.attach)
        case .release:
            if !world.plants(.releaseForgotten) {
                registry.release(vacated.lease, slot: slot, token: vacated.token)
            }
        }
        if let token = vacated.ready { registry.ready(slot: slot, token: token) }
        if world.plants(.readyBeforeSidecar), vacated.ready == nil {
            registry.ready(slot: slot, token: vacated.token)
        }
        switch vacated.sidecar {
        case .keep: break
        case .replace: sidecars[slot].replace(hungUp: hungUp)
        case .condemn: sidecars[slot].condemn()
        case .stop: sidecars[slot].stop()
        }
        lookAtDrain()
    }

    private func sidecar(_ slot: Int, _ report: SidecarSupervisor.Report) {
        switch report {
        case .none:
            break
        case .ready:
            guard let token = table[slot].sidecarReady() else { return }
            registry.ready(slot: slot, token: token)
        case .lost(let isOut):
            let before = table[slot].row(slot)
            vacate(slot, table[slot].sidecarLost(isOut: isOut))
            if table[slot].row(slot) != before { registry.changed() }
        case .stopped:
            lookAtDrain()
        }
    }

    // MARK: what befalls it

    /// A sidecar ends by itself; `connectionFirst`: it closes its client's connection before.
    func crashSidecar(_ slot: Int, connectionFirst: Bool) {
        process.arrive { [self] in
            world.ledger.note(.sidecarCrashed(worker: id, slot: slot))
            if connectionFirst { sessions[slot]?.sidecarHungUp() }
            sidecars[slot].crash()
        }
    }

    func fallIll(_ illness: SimulatedSidecar.Illness) {
        for sidecar in sidecars { sidecar.illness = illness }
    }

    private func died() {
        for slot in sessions.keys.sorted() {
            guard let session = sessions[slot], session.isProved else { continue }
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
        for slot in table.drain() { sidecars[slot].stop() }
        _ = process.schedule(after: timeout) { [weak self] in
            guard let self else { return }
            for lease in table.leases { close(lease) }
        }
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
        guard isDraining, !isStopping, table.isVacant, sidecars.allSatisfy(\.isStopped) else { return }
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

    private func close(_ lease: LeaseID) {
        guard let slot = table.index(of: lease) else { return }
        vacate(slot, table[slot].closeOrdered(lease))
    }

    // MARK: what the queue says

    func slotRegistryTrouble(_ registry: SlotRegistry) -> String { "" }

    func slotRegistryRows(_ registry: SlotRegistry) -> [SlotRow] { table.rows }

    func slotRegistry(_ registry: SlotRegistry, close lease: LeaseID, reason: String) {
        world.ledger.note(.ordered(worker: id, close: lease))
        close(lease)
    }

    func slotRegistry(_ registry: SlotRegistry, recycle slot: Int, token: Token) {
        guard table.indices.contains(slot), !world.plants(.recycleIgnored) else { return }
        if let token = table[slot].recycleNoticed(token) { registry.ready(slot: slot, token: token) }
    }

    func slotRegistryLicenceOver(_ registry: SlotRegistry) {
        world.trace("\(process.name) was cut off from Redis for its TTL")
        for lease in table.leases { close(lease) }
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
