import QueueCore

/// Which of a client's own time limits is over.
public enum TimeBound: String, Hashable, Sendable { case ttl, idle }

/// The time limits of one session (`SessionBounds`). All times are milliseconds of the loop's clock.
public struct SessionClock: Sendable {
    private let bounds: SessionBounds
    private let beganAt: UInt64
    private var messageAt: UInt64

    /// The session begins. `nil` if the session has no limit.
    public init?(_ bounds: SessionBounds, now: UInt64) {
        guard bounds != .none else { return nil }
        self.bounds = bounds
        beganAt = now
        messageAt = now
    }

    /// A byte of a message passed.
    public mutating func messagePassed(now: UInt64) { messageAt = now }

    /// The time at which a limit is over if no message passes until then.
    public var end: (at: UInt64, bound: TimeBound) {
        let ttl = bounds.ttlMilliseconds.map { (at: beganAt + UInt64($0), bound: TimeBound.ttl) }
        let idle = bounds.idleMilliseconds.map { (at: messageAt + UInt64($0), bound: TimeBound.idle) }
        guard let ttl else { return idle ?? (.max, .idle) }
        guard let idle else { return ttl }
        return ttl.at <= idle.at ? ttl : idle
    }
}
