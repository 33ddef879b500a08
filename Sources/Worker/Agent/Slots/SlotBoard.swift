import Queue
import QueueCore
import WorkerCore

/// All slots of a worker: performs what the slot machines decide, on sidecars, sessions and the ledger.
package final class SlotBoard {
    package private(set) var table: SlotTable
    private let ledger: any SlotLedger
    private let events: any SlotEvents
    private let host: any SidecarHost
    private var pools: [SidecarPool] = []
    /// By slot: its pool's index.
    private var poolIndex: [Int] = []
    private let spares = SpareGate()
    /// By slot: the session that was offered it or holds it.
    private var sessions: [Int: any SlotSession] = [:]
    private var troubles = SlotTroubles()
    /// Why no slot takes a lease, although its sidecar may be ready. nil if slots take leases.
    private(set) var hindrance: String?
    /// Called when a session ended or a sidecar stopped, because a drain may be over.
    package var onChange: (() -> Void)?
    /// Called when a slot's sidecar does not start, once for each reason.
    var onTrouble: ((_ slot: Int, _ words: String) -> Void)?

    package init(pools plans: [PoolPlan], ledger: any SlotLedger, around: SidecarContext) {
        table = SlotTable(pools: plans.flatMap { Array(repeating: $0.pool, count: $0.slots) })
        events = around.events
        host = around.host
        self.ledger = ledger
        for (index, plan) in plans.enumerated() {
            let first = poolIndex.count
            poolIndex += Array(repeating: index, count: plan.slots)
            let pool = SidecarPool(
                plan, slots: first..<first + plan.slots, firstSidecar: index, step: plans.count, spares: spares, around,
                onNews: { [weak self] in self?.seat(of: $0, $1) }, onStopped: { [weak self] in self?.onChange?() })
            pools.append(pool)
            spares.add(pool)
        }
        host.onIdle = { [weak self] in self?.onChange?() }
    }

    package func start() {
        for pool in pools { pool.start() }
    }

    /// No lease holds a slot, no sidecar runs, and nothing is left of earlier ones.
    package var isStopped: Bool { table.isVacant && pools.allSatisfy(\.isStopped) && host.isIdle }

    /// Why slots take no lease; empty if all have a ready sidecar.
    var trouble: String { hindrance.map(SlotTroubles.cut) ?? troubles.summary }

    /// The process behind a slot.
    func sidecarPID(_ slot: Int) -> Int32? { sidecars(of: slot).seat(of: slot)?.pid }

    /// The sidecar that a slot sits on: its number, and how often it was started.
    package func sidecar(of slot: Int) -> (number: Int, starts: Int)? {
        sidecars(of: slot).seat(of: slot).map { ($0.number, $0.starts) }
    }

    private func sidecars(of slot: Int) -> SidecarPool { pools[poolIndex[slot]] }

    /// Memory of the machine is short, or is not any more. Call it again while it is short: each call ends one spare.
    package func memory(isShort: Bool) { spares.memory(isShort: isShort) }

    /// The machine has no room for more sessions, for this reason; nil if it has. Slots that serve a client go on, and
    /// are out afterwards.
    func hinder(_ words: String?) {
        let isNew = (words == nil) != (hindrance == nil)
        hindrance = words
        guard isNew else { return }
        for slot in table.indices {
            if words == nil { free(slot) } else { _ = takeOut(slot) }
        }
        // One renew tells all rows and the trouble.
        ledger.changed()
    }

    // MARK: Grants and orders

    /// A grant arrived whose mac, fleet and worker are right.
    package func present(_ session: any SlotSession) {
        let grant = session.grant
        let slot = grant.slot
        // No grant of this worker names a slot beyond the table.
        guard table.indices.contains(slot) else { return session.end(.close, saying: nil) }
        switch table[slot].presented(grant.lease, grant.token, attach: grant.attach) {
        case .begin:
            begin(session)
        case .reject(let reason, let token, let slotFree):
            ledger.reject(
                grant.lease, slot: slot, token: token, attach: grant.attach, reason: reason, slotFree: slotFree)
            emit(slot, .refused(grant.lease, reason))
            session.end(.reject(reason), saying: nil)
        case .refuse(let reason):
            session.end(.reject(reason), saying: nil)
        case .drop:
            session.end(.close, saying: nil)
        }
    }

    /// Redis ended the lease, or an operator did.
    package func close(_ lease: LeaseID, reason: String) {
        guard let slot = table.index(of: lease) else { return }
        vacate(slot, table[slot].closeOrdered(lease), .ordered(reason: reason))
    }

    /// Redis has the slot recycling from a token.
    package func recycle(_ slot: Int, token: Token) {
        guard table.indices.contains(slot) else { return }
        if let token = table[slot].recycleNoticed(token) { ledger.ready(slot: slot, token: token) }
    }

    /// Takes no more leases, and stops the sidecars that serve no client.
    package func drain() {
        for slot in table.drain() { close(slot) }
    }

    /// Ends all sessions.
    package func closeAll(reason: String) {
        for lease in table.leases { close(lease, reason: reason) }
    }

    // MARK: A grant up to its proof

    private func begin(_ session: any SlotSession) {
        let grant = session.grant
        let slot = grant.slot
        guard let sidecar = sidecars(of: slot).begin(slot) else {
            preconditionFailure("a free or kept slot has a seat on a sidecar that is ready")
        }
        sessions[slot] = session
        ledger.accept(grant.lease, slot: slot, token: grant.token, attach: grant.attach) { [weak self] reply in
            self?.acceptReplied(grant, reply)
        }
        session.begin(on: sidecar.endpoint) { [weak self] in self?.session(grant, $0) }
    }

    private func acceptReplied(_ grant: Wire.GrantRequest, _ reply: AcceptReply) {
        let (slot, token, attach) = (grant.slot, grant.token, grant.attach)
        switch reply {
        case .accepted(let keepSeconds):
            advance(slot, table[slot].acceptCommitted(token, attach: attach, keeps: keepSeconds > 0))
        case .ended: vacate(slot, table[slot].acceptEnded(token, attach: attach), .leaseEnded)
        case .failed: vacate(slot, table[slot].acceptFailed(token, attach: attach), .redisSilent)
        }
    }

    private func advance(_ slot: Int, _ progress: Slot.Progress) {
        guard progress == .prove, let session = sessions[slot] else { return }
        sidecars(of: slot).seat(of: slot)?.sessionBegan()
        session.prove()
        ledger.proved(slot: slot)
        emit(slot, .served(session.grant.lease, session.grant.token))
    }

    private func session(_ grant: Wire.GrantRequest, _ event: SessionEvent) {
        let (slot, token, attach) = (grant.slot, grant.token, grant.attach)
        switch event {
        case .sidecarConnected:
            advance(slot, table[slot].sidecarConnected(token, attach: attach))
        case .sidecarUnreachable(let error):
            vacate(slot, table[slot].sidecarUnreachable(token, attach: attach), .sidecarUnreachable(error))
        case .gatewayClosed:
            vacate(slot, table[slot].gatewayClosed(token, attach: attach), .gatewayClosed)
        case .sidecarAnswered:
            table[slot].sidecarAnswered(token, attach: attach)
        case .firstByteOverdue:
            vacate(slot, table[slot].firstByteOverdue(token, attach: attach), .firstByteOverdue)
        case .sidecarFroze:
            vacate(slot, table[slot].sidecarFroze(token, attach: attach), .sidecarFroze)
        case .timeOver(let bound):
            vacate(slot, table[slot].closeOrdered(grant.lease), .timeOver(bound))
        case .ended(let end):
            vacate(
                slot, table[slot].sessionEnded(token, attach: attach, isDropped: end == .clientDropped),
                end == .sidecarClosed ? .sidecarEnded : .clientEnded)
        }
    }

    // MARK: The end of a lease's connection

    private func vacate(_ slot: Int, _ vacated: Slot.Vacated?, _ cause: EndCause) {
        guard let vacated else { return }
        let session = sessions.removeValue(forKey: slot)
        let bytes = session?.bytes ?? (0, 0)
        session?.end(vacated.farewell, saying: cause.closingWords)
        // The slot may have its next seat already. Then its verdict and its `ready` are one call.
        let hasSeat = leaveSeat(slot, vacated, cause)
        let next = hasSeat && hindrance == nil ? table[slot].sidecarReady() : nil
        let isFit = next == vacated.token && vacated.verdict == .release
        switch vacated.verdict {
        case .none: break
        case .reject(let verdict):
            ledger.reject(
                vacated.lease, slot: slot, token: vacated.token, attach: vacated.attach, reason: verdict,
                slotFree: false)
        case .keep: ledger.keep(vacated.lease, slot: slot, token: vacated.token, attach: vacated.attach)
        case .release: ledger.release(vacated.lease, slot: slot, token: vacated.token, isFit: isFit)
        }
        emit(slot, .vacated(vacated, cause, bytes: bytes))
        if hindrance != nil {
            if takeOut(slot) { ledger.changed() }
        } else if let token = vacated.ready ?? next {
            if !isFit { ledger.ready(slot: slot, token: token) }
            emitState(slot)
        }
        if vacated.sidecar == .stop { close(slot) }
        onChange?()
    }

    /// The slot's seat after a lease. Returns true if the slot has its next seat already.
    private func leaveSeat(_ slot: Int, _ vacated: Slot.Vacated, _ cause: EndCause) -> Bool {
        let sidecars = sidecars(of: slot)
        switch vacated.sidecar {
        case .keep:
            if table[slot].lease == nil { sidecars.undo(slot) }
            return false
        case .replace: return sidecars.end(slot, hungUp: cause == .sidecarEnded)
        case .condemn: return sidecars.condemn(slot)
        case .stop: return false
        }
    }

    private func close(_ slot: Int) {
        sidecars(of: slot).close(slot)
        troubles.isWell(slot)
        onChange?()
    }

    private func seat(of slot: Int, _ news: SidecarPool.News) {
        switch news {
        case .seated:
            troubles.isWell(slot)
            if hindrance == nil { free(slot) }
        case .lost(let isOut, let isLarge):
            let before = table[slot].row(slot)
            vacate(slot, table[slot].sidecarLost(isOut: isOut), .sidecarLost(isLarge: isLarge))
            if table[slot].row(slot) != before {
                ledger.changed()
                emitState(slot)
            }
        case .failed(let trouble):
            troubles.failed(slot, trouble.words)
            if trouble.isAtStart && troubles.isNews(trouble.words) { onTrouble?(slot, trouble.words) }
        }
    }

    /// The slot takes leases, if it has a seat.
    private func free(_ slot: Int) {
        guard sidecars(of: slot).isSeated(slot), let token = table[slot].sidecarReady() else { return }
        ledger.ready(slot: slot, token: token)
        emitState(slot)
    }

    /// The slot takes no lease. If a lease holds it, the lease stays.
    /// - Returns: true if the slot is out from now on. Redis must be told.
    private func takeOut(_ slot: Int) -> Bool {
        guard table[slot].takeOut() else { return false }
        emitState(slot)
        return true
    }

    private func emitState(_ slot: Int) {
        if let row = table[slot].row(slot) { emit(slot, .changed(row)) }
    }

    private func emit(_ slot: Int, _ event: SlotEvent) { events.slot(slot, of: table.pools[slot], event) }
}
