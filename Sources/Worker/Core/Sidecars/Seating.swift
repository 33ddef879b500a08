/// How the slots of one pool share sidecars.
public struct Seating: Hashable, Sendable {
    public enum Mode: Hashable, Sendable {
        /// Each session has a sidecar of its own, which is replaced after it.
        case dedicated
        /// A sidecar serves `seats` sessions at once, and is replaced after `sessionsMax` of them.
        case shared(seats: Int, sessionsMax: Int)
    }

    /// Seats of a shared sidecar, unless the setting `sessions` is given.
    public static let seatsDefault = 5
    /// Sessions of a shared sidecar, unless the setting `maxSessions` is given.
    public static let sessionsMaxDefault = 50

    public let mode: Mode
    /// Sidecars beyond those that the slots need, so that a slot whose sidecar is replaced gets another one at once.
    public let spares: Int
    /// A sidecar that has been ready for so long is replaced without ending a session. nil for no limit.
    public let ageMaxMilliseconds: UInt64?

    public init(mode: Mode = .dedicated, spares: Int = 0, ageMaxMilliseconds: UInt64? = nil) {
        self.mode = mode
        self.spares = spares
        self.ageMaxMilliseconds = ageMaxMilliseconds
    }

    /// Sessions that one sidecar serves at once.
    public var seats: Int {
        switch mode {
        case .dedicated: 1
        case .shared(let seats, _): seats
        }
    }

    /// Sessions that one sidecar serves in its life.
    public var sessionsMax: Int {
        switch mode {
        case .dedicated: 1
        case .shared(_, let sessionsMax): sessionsMax
        }
    }

    /// Sidecars for so many slots, spares included.
    public func sidecars(for slots: Int) -> Int { (slots + seats - 1) / seats + spares }
}
