/// Which sidecar each slot of a worker sits on.
///
/// A slot takes a seat when a sidecar is ready for it, and gives the seat back after its session. The slot does not know
/// which sidecar that is; this table decides. The rule is one sidecar for each slot: a sidecar and its successors serve
/// the slot that the sidecar was started for.
public struct SeatTable: Sendable {
    public enum Seat: Hashable, Sendable {
        /// No sidecar is ready for the slot. Can transition to: taken, closed.
        case awaited
        /// The slot sits on this sidecar. Can transition to: awaited, closed.
        case taken(sidecar: Int)
        /// The slot takes no seat any more. Can transition to: nothing.
        case closed
    }

    /// By slot.
    private var seats: [Seat]

    /// - Parameter slots: how many there are; each waits for its seat.
    public init(slots: Int) { seats = Array(repeating: .awaited, count: slots) }

    /// The numbers of the sidecars to start.
    public var sidecars: Range<Int> { seats.indices }

    /// The slot that a sidecar was started for.
    public func slot(of sidecar: Int) -> Int { sidecar }

    /// The sidecar that a slot sits on; nil while it has no seat.
    public func sidecar(of slot: Int) -> Int? {
        switch seats[slot] {
        case .taken(let sidecar): sidecar
        case .awaited, .closed: nil
        }
    }

    /// A sidecar is ready. Returns the slot that takes the seat; nil if no slot waits for it.
    public mutating func ready(_ sidecar: Int) -> Int? {
        let slot = slot(of: sidecar)
        switch seats[slot] {
        case .awaited:
            seats[slot] = .taken(sidecar: sidecar)
            return slot
        case .taken, .closed:
            return nil
        }
    }

    /// A sidecar is not ready any more: no slot sits on it from now on.
    public mutating func lost(_ sidecar: Int) {
        for slot in seats.indices where seats[slot] == .taken(sidecar: sidecar) { seats[slot] = .awaited }
    }

    /// The slot has no use for its seat. Returns the sidecar it sat on; nil if it had no seat.
    public mutating func giveBack(_ slot: Int) -> Int? {
        guard let sidecar = sidecar(of: slot) else { return nil }
        seats[slot] = .awaited
        return sidecar
    }

    /// The slot takes no seat any more. Returns the sidecars that no slot needs from now on.
    public mutating func close(_ slot: Int) -> [Int] {
        seats[slot] = .closed
        return sidecars.filter { self.slot(of: $0) == slot }
    }
}
