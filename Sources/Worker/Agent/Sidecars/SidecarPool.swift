import Queue
import QueueCore
import WorkerCore

/// The sidecars of one pool of a worker. Slots take seats on them; the pool performs what its seat table decides, and
/// admits sidecars that want to start.
///
/// A sidecar that a slot waits for starts at once. A spare starts only if no other spare of the worker is starting and
/// memory is left.
final class SidecarPool {
    /// Changes of a slot's seat.
    enum News {
        /// The slot sits on a ready sidecar.
        case seated
        /// The slot has no seat. Out: no sidecar starts soon. Large: the sidecar was killed because of its memory.
        case lost(isOut: Bool, isLarge: Bool)
        /// A sidecar that the slot could have sat on failed.
        case failed(Sidecar.Trouble)
    }

    let plan: PoolPlan
    private var seats: SeatTable
    private var sidecars: [Int: Sidecar] = [:]
    private let spares: SpareGate
    private let around: SidecarContext
    private let onNews: (_ slot: Int, News) -> Void
    private let onStopped: () -> Void
    /// Slots whose sidecar ended the connection, until it is clear whether the sidecar is ending too.
    private var pauses: [Int: any ScheduledCall] = [:]
    private var ages: [Int: any ScheduledCall] = [:]

    /// - Parameters:
    ///   - slots: the numbers of the pool's slots at the worker.
    ///   - firstSidecar: the number of its first sidecar; further ones are `step` apart.
    ///   - onNews: may be called from inside other calls.
    ///   - onStopped: a sidecar is gone for ever.
    init(
        _ plan: PoolPlan, slots: Range<Int>, firstSidecar: Int, step: Int, spares: SpareGate, _ around: SidecarContext,
        onNews: @escaping (_ slot: Int, News) -> Void, onStopped: @escaping () -> Void
    ) {
        self.plan = plan
        seats = SeatTable(
            slots: slots, seating: plan.seating, firstSidecar: firstSidecar, step: step, seed: around.seed)
        self.spares = spares
        self.around = around
        self.onNews = onNews
        self.onStopped = onStopped
    }

    func start() { _ = apply(seats.start()) }

    /// No sidecar runs.
    var isStopped: Bool { sidecars.isEmpty }

    /// The sidecar that a slot sits on; nil while the slot has no seat.
    func seat(of slot: Int) -> Sidecar? { seats.sidecar(of: slot).flatMap { sidecars[$0] } }

    // MARK: Sessions

    /// A session of the slot begins on the sidecar returned; nil if the slot has no seat.
    func begin(_ slot: Int) -> Sidecar? { seats.begin(slot).flatMap { sidecars[$0] } }

    /// The slot's session ended before the sidecar received a byte.
    func undo(_ slot: Int) {
        let sidecar = seats.sidecar(of: slot)
        _ = apply(seats.undo(slot))
        rest(sidecar)
    }

    /// The slot's session is over.
    /// - Parameter hungUp: the sidecar ended the connection, unasked.
    /// - Returns: true if the slot has its next seat already; if not, it has one when `seated` comes.
    func end(_ slot: Int, hungUp: Bool) -> Bool {
        guard hungUp && plan.seating.mode != .dedicated else { return endNow(slot, hungUp: hungUp) }
        // A shared sidecar may be ending. The next client must not get a seat on it meanwhile.
        pauses[slot] = around.clock.call(after: around.leaveMilliseconds) { [weak self] in
            guard let self else { return }
            pauses[slot] = nil
            if endNow(slot, hungUp: false) { onNews(slot, .seated) }
        }
        return false
    }

    private func endNow(_ slot: Int, hungUp: Bool) -> Bool {
        let sidecar = seats.sidecar(of: slot)
        let isSeated = apply(seats.end(slot), for: slot, hungUp: hungUp)
        rest(sidecar)
        return isSeated
    }

    private func rest(_ sidecar: Int?) {
        if let sidecar, seats.sessions(on: sidecar) == 0 { sidecars[sidecar]?.sessionsOver() }
    }

    /// The slot's sidecar runs, but does not take or answer connections.
    /// - Returns: true if the slot has its next seat already.
    func condemn(_ slot: Int) -> Bool { apply(seats.condemn(slot), for: slot) }

    /// The slot takes no seat any more.
    func close(_ slot: Int) {
        pauses.removeValue(forKey: slot)?.cancel()
        _ = apply(seats.close(slot))
    }

    // MARK: Starts

    /// Starts what may start now.
    func admit() {
        let all = sidecars.values.sorted { $0.number < $1.number }
        let urgent = all.count { $0.isStarting && !$0.isStartingAsSpare }
        // While memory is short no spare starts, but the successor of a sidecar that is too large must.
        let leaving = spares.isOpen ? 0 : seats.leaving
        var wanted = seats.awaited + leaving - urgent * plan.seating.seats
        for sidecar in all where wanted > 0 && sidecar.isStartingAsSpare {
            wanted -= plan.seating.seats
            sidecar.hasten()
        }
        for sidecar in all where wanted > 0 && sidecar.isQueued {
            wanted -= plan.seating.seats
            sidecar.admit(isSpare: false)
        }
        if let next = all.first(where: \.isQueued), spares.mayEnter { next.admit(isSpare: true) }
    }

    /// Memory is short: one ready sidecar that no slot needs ends. False if there is none.
    func giveUpSpare() -> Bool {
        let changes = seats.giveUpSpare()
        _ = apply(changes)
        return changes != .none
    }

    /// The slot sits on a ready sidecar, and no session of the slot uses it.
    func isSeated(_ slot: Int) -> Bool {
        if case .taken = seats.seat(of: slot) { true } else { false }
    }

    /// The sidecar is to be replaced without ending a session.
    private func retire(_ number: Int) { _ = apply(seats.retire(number)) }

    /// A spare of this pool is starting.
    var isStartingSpare: Bool { sidecars.values.contains(where: \.isStartingAsSpare) }

    private func add(_ number: Int) {
        let sidecar = Sidecar(
            number, plan, around, onQueued: { [weak self] in self?.admit() },
            onWorn: { [weak self] in self?.retire(number) },
            onReport: { [weak self] in self?.sidecar(number, $0) })
        sidecars[number] = sidecar
        sidecar.start()
    }

    // MARK: Changes

    /// - Returns: true if `slot` is among those that have a seat now. Its news is this result.
    private func apply(
        _ changes: SeatTable.Changes, for slot: Int? = nil, hungUp: Bool = false, isLarge: Bool = false
    ) -> Bool {
        guard changes != .none else { return false }
        for unseated in changes.unseated {
            pauses.removeValue(forKey: unseated)?.cancel()
            onNews(unseated, .lost(isOut: false, isLarge: isLarge))
        }
        for out in changes.out { onNews(out, .lost(isOut: true, isLarge: isLarge)) }
        for seated in changes.seated where seated != slot { onNews(seated, .seated) }
        for number in changes.replaced {
            endAge(number)
            sidecars[number]?.replace(hungUp: hungUp)
        }
        for number in changes.condemned { sidecars[number]?.condemn() }
        for number in changes.stopped { sidecars[number]?.stop() }
        for number in changes.started { add(number) }
        admit()
        return slot.map(changes.seated.contains) ?? false
    }

    private func sidecar(_ number: Int, _ report: SidecarSupervisor.Report) {
        switch report {
        case .none:
            return
        case .ready:
            startAge(number)
            _ = apply(seats.ready(number))
        case .lost(let isOut):
            endAge(number)
            if let trouble = sidecars[number]?.trouble { blame(number, trouble) }
            let isLarge = sidecars[number]?.isKilledAsLarge ?? false
            _ = apply(seats.lost(number, isOut: isOut), isLarge: isLarge)
        case .stopped:
            endAge(number)
            sidecars[number] = nil
            onStopped()
        }
        spares.look()
    }

    /// Tells the slots that suffer by a failure: those on the sidecar, else those that it would have taken.
    private func blame(_ number: Int, _ trouble: Sidecar.Trouble) {
        var slots = seats.slots.filter { seats.sidecar(of: $0) == number }
        if slots.isEmpty {
            let others = sidecars.keys.filter { other in
                other < number && !seats.slots.contains { seats.sidecar(of: $0) == other }
            }
            slots = Array(
                seats.slots.filter { seats.seat(of: $0) == .awaited }.dropFirst(others.count * plan.seating.seats)
                    .prefix(plan.seating.seats))
        }
        for slot in slots { onNews(slot, .failed(trouble)) }
    }

    /// The age of a sidecar counts from now.
    private func startAge(_ number: Int) {
        endAge(number)
        guard let most = plan.seating.ageMaxMilliseconds else { return }
        let draw = Spread.draw(seed: around.seed, number: number)
        ages[number] = around.clock.call(after: Spread.below(most, draw: draw)) { [weak self] in
            guard let self else { return }
            ages[number] = nil
            retire(number)
        }
    }

    private func endAge(_ number: Int) { ages.removeValue(forKey: number)?.cancel() }
}

/// Lets one spare of a worker start at a time, and none while memory is short.
final class SpareGate {
    private var pools: [SidecarPool] = []
    /// False while memory is short.
    private(set) var isOpen = true

    func add(_ pool: SidecarPool) { pools.append(pool) }

    /// A spare may start now.
    var mayEnter: Bool { isOpen && !pools.contains(where: \.isStartingSpare) }

    /// A spare may have become ready, or have failed: the next one starts.
    func look() {
        for pool in pools { pool.admit() }
    }

    /// Memory is short, or is not any more. While it is short, each call ends one spare.
    func memory(isShort: Bool) {
        isOpen = !isShort
        if isShort {
            _ = pools.reversed().contains { $0.giveUpSpare() }
        } else {
            look()
        }
    }
}
