import EventLoop
import Queue
import QueueCore
import WorkerCore

/// All slots at work: performs what the slot machines decide, on sidecars, sessions and the ledger.
final class SlotBoard {
    private(set) var table: SlotTable
    private let loop: Loop
    private let ledger: any SlotLedger
    private let events: any WorkerEvents
    private let firstByteMilliseconds: UInt64
    private var sidecars: SidecarPool!
    /// By slot: whoever was offered it or holds it.
    private var sessions: [Int: Session] = [:]
    private let sweeper: Sweeper
    private var troubles = SlotTroubles()
    /// Something ended or stopped: a drain may be over.
    var onChange: (() -> Void)?
    /// A slot's sidecar did not come up, and nothing like that was told before.
    var onTrouble: ((_ slot: Int, _ words: String) -> Void)?

    init(
        pools: [Pool], ledger: any SlotLedger, around: Sidecar.Context,
        firstByteMilliseconds: UInt64 = WorkerLimits.firstByteMilliseconds
    ) {
        self.firstByteMilliseconds = firstByteMilliseconds
        table = SlotTable(pools: pools)
        loop = around.loop
        events = around.events
        self.ledger = ledger
        let sweeper = Sweeper(loop: around.loop)
        self.sweeper = sweeper
        sidecars = SidecarPool(pools: pools, around, sweeper: sweeper) { [weak self] in self?.seat(of: $0, $1) }
        sweeper.onIdle = { [weak self] in self?.onChange?() }
    }

    func start() { sidecars.start() }

    /// Nobody holds a slot, no sidecar runs, and nothing is left of those that did.
    var isStopped: Bool { table.isVacant && sidecars.isStopped && sweeper.isIdle }

    /// Ends what sidecars left to this process and removes the folder of all their work folders. When all is stopped.
    func clear(_ folder: String, done: @escaping (_ left: Int) -> Void) {
        sweeper.endStrangers { [sweeper] left in
            sweeper.onIdle = { [weak sweeper] in
                sweeper?.onIdle = nil
                done(left)
            }
            sweeper.remove(folder)
        }
    }

    /// Why slots have no fit sidecar; empty where all have.
    var trouble: String { troubles.summary }

    /// The process behind a slot.
    func sidecarPID(_ slot: Int) -> Int32? { sidecars.seat(of: slot)?.pid }

    // MARK: What comes in

    /// A grant whose mac, fleet and worker are right.
    func present(_ grant: Wire.GrantRequest, secret: [UInt8], head: SidecarHead, gateway: Stream) {
        let slot = grant.slot
        // A slot beyond the table is no grant of ours.
        guard table.indices.contains(slot) else { return gateway.close() }
        switch table[slot].presented(grant.lease, grant.token, attach: grant.attach) {
        case .begin:
            begin(grant, secret: secret, head: head, gateway: gateway)
        case .reject(let reason, let token, let slotFree):
            ledger.reject(
                grant.lease, slot: slot, token: token, attach: grant.attach, reason: reason, slotFree: slotFree)
            tell(slot, .refused(grant.lease, reason))
            Answers.send(Answers.reject(grant, reason, secret: secret), andClose: gateway)
        case .refuse(let reason):
            Answers.send(Answers.reject(grant, reason, secret: secret), andClose: gateway)
        case .drop:
            gateway.close()
        }
    }

    /// Redis ended the lease, or an operator did.
    func close(_ lease: LeaseID, reason: String) {
        guard let slot = table.index(of: lease) else { return }
        vacate(slot, table[slot].closeOrdered(lease), .ordered(reason: reason))
    }

    /// Redis has the slot recycling from a token.
    func recycle(_ slot: Int, token: Token) {
        guard table.indices.contains(slot) else { return }
        if let token = table[slot].recycleNoticed(token) { ledger.ready(slot: slot, token: token) }
    }

    /// Takes nobody in any more and stops the sidecars that serve nobody.
    func drain() {
        for slot in table.drain() { sidecars.close(slot) }
    }

    /// Ends whoever is still served.
    func closeAll(reason: String) {
        for lease in table.leases { close(lease, reason: reason) }
    }

    // MARK: A grant up to its proof

    private func begin(_ grant: Wire.GrantRequest, secret: [UInt8], head: SidecarHead, gateway: Stream) {
        let slot = grant.slot
        guard let endpoint = sidecars.seat(of: slot)?.endpoint else {
            preconditionFailure("a free or kept slot has a seat on a sidecar that listens")
        }
        let session = Session(
            grant, secret: secret, head: head, gateway: gateway, endpoint: endpoint,
            firstByteMilliseconds: firstByteMilliseconds
        ) { [weak self] event in self?.session(grant, event) }
        sessions[slot] = session
        ledger.accept(grant.lease, slot: slot, token: grant.token, attach: grant.attach) { [weak self] reply in
            self?.acceptReplied(grant, reply)
        }
        session.connect()
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
        sidecars.seat(of: slot)?.sessionBegan()
        session.prove()
        tell(slot, .served(session.grant.lease, session.grant.token))
    }

    private func session(_ grant: Wire.GrantRequest, _ event: Session.Event) {
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
        case .ended(let end):
            let hungUp = end.first == .b
            vacate(
                slot, table[slot].sessionEnded(token, attach: attach, bySidecar: hungUp),
                hungUp ? .sidecarEnded : .clientEnded)
        }
    }

    // MARK: Giving a slot up

    private func vacate(_ slot: Int, _ vacated: Slot.Vacated?, _ cause: EndCause) {
        guard let vacated else { return }
        let session = sessions.removeValue(forKey: slot)
        let bytes = session?.bytes ?? (0, 0)
        session?.end(vacated.farewell)
        switch vacated.verdict {
        case .none: break
        case .reject(let verdict):
            ledger.reject(
                vacated.lease, slot: slot, token: vacated.token, attach: vacated.attach, reason: verdict,
                slotFree: false)
        case .keep: ledger.keep(vacated.lease, slot: slot, token: vacated.token, attach: vacated.attach)
        case .release: ledger.release(vacated.lease, slot: slot, token: vacated.token)
        }
        tell(slot, .vacated(vacated, cause, bytes: bytes))
        if let token = vacated.ready {
            ledger.ready(slot: slot, token: token)
            tellState(slot)
        }
        switch vacated.sidecar {
        case .keep: break
        case .replace: sidecars.replace(slot, hungUp: cause == .sidecarEnded)
        case .condemn: sidecars.condemn(slot)
        case .stop: sidecars.close(slot)
        }
        onChange?()
    }

    private func seat(of slot: Int, _ news: SidecarPool.News) {
        switch news {
        case .seated:
            troubles.isWell(slot)
            guard let token = table[slot].sidecarReady() else { return }
            ledger.ready(slot: slot, token: token)
            tellState(slot)
        case .lost(let isOut, let trouble):
            if let trouble {
                troubles.failed(slot, trouble.words)
                if trouble.isAtStart && troubles.isNews(trouble.words) { onTrouble?(slot, trouble.words) }
            }
            let before = table[slot].row(slot)
            vacate(slot, table[slot].sidecarLost(isOut: isOut), .sidecarLost)
            if table[slot].row(slot) != before {
                ledger.changed()
                tellState(slot)
            }
        case .closed:
            troubles.isWell(slot)
            onChange?()
        }
    }

    private func tellState(_ slot: Int) {
        if let row = table[slot].row(slot) { tell(slot, .changed(row)) }
    }

    private func tell(_ slot: Int, _ event: SlotEvent) { events.slot(slot, of: table.pools[slot], event) }
}
