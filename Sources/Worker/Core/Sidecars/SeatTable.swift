/// Which sidecar each slot of one pool sits on.
///
/// A slot takes a seat on a sidecar that is ready, and gives the seat back after its session. The slot does not know
/// which sidecar that is; this table decides.
///
/// - `dedicated`: a sidecar has one seat and serves one session. It is replaced when the seat is given back. The slot then
///   takes a seat on a spare, or waits for a successor.
/// - `shared`: a sidecar has several seats. A slot that gives its seat back takes it again at once. After `sessionsMax`
///   seats taken, or up to a tenth fewer, the sidecar retires: it keeps its sessions and takes no slot any more, while a successor starts. A
///   seat that is taken counts as a session, because the slot may be granted at any time.
///
/// A slot without a session may change its sidecar at any time, and nobody needs to know. So a sidecar that is too old
/// gives such slots to others.
public struct SeatTable: Sendable {
    public enum Seat: Hashable, Sendable {
        /// No sidecar has a seat for the slot. Can transition to: taken, closed.
        case awaited
        /// The slot sits on this sidecar and has no session. Can transition to: awaited, taken (on another sidecar),
        /// serving, closed.
        case taken(sidecar: Int)
        /// A session of the slot uses this sidecar. Can transition to: taken, awaited, closed.
        case serving(sidecar: Int)
        /// The slot takes no seat any more. Can transition to: nothing.
        case closed
    }

    /// A sidecar as the table sees it.
    enum Place: Hashable, Sendable {
        /// It is not ready. `isOut`: it failed too often, and is not started again soon.
        /// Can transition to: open, gone.
        case coming(isOut: Bool)
        /// It is ready, and this many seats were taken in its life. Can transition to: coming, retiring.
        case open(sessions: Int)
        /// It keeps its slots until their sessions end, and takes no other. `isLeft`: slots without a session leave it
        /// as soon as others have seats. Can transition to: coming, gone.
        case retiring(isLeft: Bool)

        var isRetiring: Bool {
            switch self {
            case .retiring: true
            case .coming, .open: false
            }
        }
    }

    /// The caller's next steps, in this order.
    public struct Changes: Hashable, Sendable {
        /// Slots that lost their seat.
        public var unseated: [Int] = []
        /// Slots without a seat that no sidecar will take soon.
        public var out: [Int] = []
        /// Slots that have a seat now, and had none.
        public var seated: [Int] = []
        /// Sidecars to end, and to start again.
        public var replaced: [Int] = []
        /// Sidecars to end because they failed, and to start again.
        public var condemned: [Int] = []
        /// Sidecars to end for ever.
        public var stopped: [Int] = []
        /// Sidecars to start.
        public var started: [Int] = []

        public static let none = Changes()
    }

    private let seating: Seating
    private let firstSlot: Int
    /// By slot, from the first one of the pool.
    private var seats: [Seat]
    private var places: [Int: Place] = [:]
    private var nextSidecar: Int
    private let sidecarStep: Int
    private let seed: UInt64
    private var isClosing = false

    /// - Parameters:
    ///   - slots: of the pool, by their numbers at the worker; each waits for its seat.
    ///   - firstSidecar: the number of the pool's first sidecar. Further ones have numbers that are `step` apart, so
    ///     that the sidecars of several pools have different numbers.
    ///   - seed: random bits of the worker. They spread the lives of the sidecars.
    public init(slots: Range<Int>, seating: Seating, firstSidecar: Int = 0, step: Int = 1, seed: UInt64 = 0) {
        self.seating = seating
        firstSlot = slots.lowerBound
        seats = Array(repeating: .awaited, count: slots.count)
        nextSidecar = firstSidecar
        sidecarStep = step
        self.seed = seed
    }

    /// The worker's numbers of the slots.
    public var slots: Range<Int> { firstSlot..<firstSlot + seats.count }

    public func seat(of slot: Int) -> Seat { seats[slot - firstSlot] }

    /// The sidecar that a slot sits on; nil while it has no seat.
    public func sidecar(of slot: Int) -> Int? { seats[slot - firstSlot].sidecar }

    /// Slots that wait for a seat.
    public var awaited: Int { seats.count { $0 == .awaited } }

    /// Slots that sit on a sidecar that they are to leave, until another has a seat for them.
    public var leaving: Int {
        seats.count { seat in
            if case .taken(let sidecar) = seat { places[sidecar] == .retiring(isLeft: true) } else { false }
        }
    }

    /// Slots whose session uses this sidecar.
    public func sessions(on sidecar: Int) -> Int { seats.count { $0 == .serving(sidecar: sidecar) } }

    // MARK: Sidecars

    /// The first sidecars are wanted.
    public mutating func start() -> Changes {
        var changes = Changes()
        for _ in 0..<seating.sidecars(for: seats.count) { changes.started.append(add()) }
        return changes
    }

    /// A sidecar is ready.
    public mutating func ready(_ sidecar: Int) -> Changes {
        guard case .coming = places[sidecar] else { return .none }
        places[sidecar] = .open(sessions: 0)
        var changes = Changes()
        fill(&changes)
        for number in places.keys.sorted() where places[number] == .retiring(isLeft: true) { settle(number, &changes) }
        return changes
    }

    /// A sidecar is not ready any more: no slot sits on it from now on.
    /// - Parameter isOut: it failed too often, and is not started again soon.
    public mutating func lost(_ sidecar: Int, isOut: Bool) -> Changes {
        guard let place = places[sidecar] else { return .none }
        var changes = Changes()
        unseat(sidecar, &changes)
        if place.isRetiring && isSurplus {
            places[sidecar] = nil
            changes.stopped.append(sidecar)
        } else {
            places[sidecar] = .coming(isOut: isOut)
        }
        fill(&changes)
        if isOut { changes.out = hopeless }
        return changes
    }

    /// A sidecar is to be replaced without ending a session: it is too old, or too large.
    public mutating func retire(_ sidecar: Int) -> Changes {
        var changes = Changes()
        guard case .open = places[sidecar] else { return changes }
        if seating.mode != .dedicated {
            close(sidecar, isLeft: true, &changes)
        } else if sessions(on: sidecar) == 0 {
            leave(sidecar, &changes)
            unseat(sidecar, &changes)
            places[sidecar] = .coming(isOut: false)
            changes.replaced.append(sidecar)
        }
        return changes
    }

    /// Memory is short: one ready sidecar that no slot needs is to end. It starts again when the caller lets it.
    public mutating func giveUpSpare() -> Changes {
        var changes = Changes()
        let open = places.keys.sorted().filter { number in
            if case .open = places[number] { true } else { false }
        }
        // The successor of a sidecar that retires has no slot yet, and is no spare.
        guard open.count > seating.sidecars(for: seats.count) - seating.spares else { return changes }
        let idle = open.last { seatsTaken($0) == 0 }
        if let idle {
            places[idle] = .coming(isOut: false)
            changes.replaced.append(idle)
        }
        return changes
    }

    // MARK: Slots

    /// A session of the slot begins. Returns the sidecar; nil if the slot has no seat.
    public mutating func begin(_ slot: Int) -> Int? {
        guard let sidecar = sidecar(of: slot) else { return nil }
        seats[slot - firstSlot] = .serving(sidecar: sidecar)
        return sidecar
    }

    /// The session ended before the sidecar received a byte: the slot keeps its seat.
    public mutating func undo(_ slot: Int) -> Changes {
        var changes = Changes()
        guard case .serving(let sidecar) = seat(of: slot) else { return changes }
        seats[slot - firstSlot] = .taken(sidecar: sidecar)
        settle(sidecar, &changes)
        return changes
    }

    /// The session of the slot is over. `seated` holds the slot if it has its next seat at once.
    public mutating func end(_ slot: Int) -> Changes {
        var changes = Changes()
        guard case .serving(let sidecar) = seat(of: slot) else { return changes }
        seats[slot - firstSlot] = .awaited
        if case .open = places[sidecar] {
            if seating.mode == .dedicated {
                places[sidecar] = .coming(isOut: false)
                changes.replaced.append(sidecar)
            } else if !isClosing {
                changes.seated.append(slot)
                take(slot - firstSlot, on: sidecar, &changes)
            }
        }
        settle(sidecar, &changes)
        fill(&changes)
        return changes
    }

    /// The slot's sidecar does not take or answer connections. If other sessions use it, it retires; else it must end.
    public mutating func condemn(_ slot: Int) -> Changes {
        guard let sidecar = sidecar(of: slot) else { return .none }
        seats[slot - firstSlot] = .awaited
        if sessions(on: sidecar) > 0 {
            var changes = retire(sidecar)
            fill(&changes)
            return changes
        }
        var changes = lost(sidecar, isOut: false)
        if changes.stopped.isEmpty { changes.condemned.append(sidecar) }
        return changes
    }

    /// The slot takes no seat any more. The sidecars that no slot needs from now on are to end.
    public mutating func close(_ slot: Int) -> Changes {
        isClosing = true
        seats[slot - firstSlot] = .closed
        var changes = Changes()
        for number in places.keys.sorted() where seatsTaken(number) == 0 {
            places[number] = nil
            changes.stopped.append(number)
        }
        return changes
    }

    // MARK: Steps

    private mutating func add() -> Int {
        let number = nextSidecar
        nextSidecar += sidecarStep
        places[number] = .coming(isOut: false)
        return number
    }

    private func seatsTaken(_ sidecar: Int) -> Int { seats.count { $0.sidecar == sidecar } }

    /// There are enough sidecars that take slots or will.
    private var isSurplus: Bool {
        isClosing || places.values.count { !$0.isRetiring } >= seating.sidecars(for: seats.count)
    }

    /// The open sidecar with the fewest seats taken that has one left; the oldest of several.
    private func best() -> Int? {
        var best: (taken: Int, sidecar: Int)?
        for (number, place) in places {
            guard case .open = place else { continue }
            let taken = seatsTaken(number)
            guard taken < seating.seats else { continue }
            if best.map({ (taken, number) < $0 }) ?? true { best = (taken, number) }
        }
        return best?.sidecar
    }

    private mutating func fill(_ changes: inout Changes) {
        guard !isClosing else { return }
        for index in seats.indices where seats[index] == .awaited {
            guard let sidecar = best() else { return }
            changes.seated.append(firstSlot + index)
            take(index, on: sidecar, &changes)
        }
    }

    private mutating func take(_ index: Int, on sidecar: Int, _ changes: inout Changes) {
        guard case .open(let sessions) = places[sidecar] else { return }
        seats[index] = .taken(sidecar: sidecar)
        places[sidecar] = .open(sessions: sessions + 1)
        if case .shared(_, let sessionsMax) = seating.mode, sessions + 1 >= life(of: sidecar, most: sessionsMax) {
            close(sidecar, isLeft: false, &changes)
        }
    }

    /// The sessions of one shared sidecar: up to a tenth fewer than the most.
    private func life(of sidecar: Int, most: Int) -> Int {
        Int(Spread.below(UInt64(most), draw: Spread.draw(seed: seed, number: sidecar)))
    }

    /// A shared sidecar takes no slot any more, and a successor starts.
    private mutating func close(_ sidecar: Int, isLeft: Bool, _ changes: inout Changes) {
        places[sidecar] = .retiring(isLeft: isLeft)
        if !isSurplus { changes.started.append(add()) }
        settle(sidecar, &changes)
    }

    /// A sidecar that retires ends when no slot sits on it.
    private mutating func settle(_ sidecar: Int, _ changes: inout Changes) {
        guard case .retiring(let isLeft) = places[sidecar] else { return }
        if isLeft { leave(sidecar, &changes) }
        guard seatsTaken(sidecar) == 0 else { return }
        places[sidecar] = nil
        changes.stopped.append(sidecar)
    }

    /// Slots that have no session leave this sidecar for others with a seat.
    private mutating func leave(_ sidecar: Int, _ changes: inout Changes) {
        guard !isClosing else { return }
        for index in seats.indices where seats[index] == .taken(sidecar: sidecar) {
            let place = places[sidecar]
            places[sidecar] = .retiring(isLeft: false)
            let other = best()
            places[sidecar] = place
            guard let other else { return }
            take(index, on: other, &changes)
        }
    }

    private mutating func unseat(_ sidecar: Int, _ changes: inout Changes) {
        for index in seats.indices where seats[index].sidecar == sidecar {
            seats[index] = .awaited
            changes.unseated.append(firstSlot + index)
        }
    }

    /// Slots that wait, beyond the seats of sidecars that are coming.
    private var hopeless: [Int] {
        let coming = places.values.count { $0 == .coming(isOut: false) } * seating.seats
        let waiting = seats.indices.filter { seats[$0] == .awaited }
        return waiting.dropFirst(coming).map { firstSlot + $0 }
    }
}

extension SeatTable.Seat {
    /// The sidecar that the slot sits on.
    public var sidecar: Int? {
        switch self {
        case .taken(let sidecar), .serving(let sidecar): sidecar
        case .awaited, .closed: nil
        }
    }
}
