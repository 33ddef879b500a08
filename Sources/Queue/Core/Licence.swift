/// How a worker treats the caps of its tenants while Redis cannot be reached.
public enum CapsMode: String, Hashable, Sendable, CaseIterable {
    /// Sessions continue through an outage. Sessions that are declared again may exceed a cap until they end.
    case lenient
    /// Sessions end before Redis can give their places to others.
    case strict
}

/// How long a strict worker may serve. Redis ends a worker `processTTLMilliseconds` after the commit of its last renew.
/// The commit is never earlier than the sending of the renew. The worker counts from the sending, by its own monotonic
/// clock, so its sessions end before Redis gives their places to others.
public struct Licence: Hashable, Sendable {
    public enum State: Hashable, Sendable {
        /// Never registered; no client is served. Can transition to: valid.
        case none
        /// Can transition to: valid (a later renew was answered), over.
        case valid(until: UInt64)
        /// Can transition to: valid.
        case over
    }

    /// The next step for the sessions.
    public enum Action: Hashable, Sendable {
        case nothing
        /// Check again at that time.
        case look(at: UInt64)
        /// End every session now.
        case endSessions
    }

    public private(set) var state = State.none

    public init() {}

    /// A register or renew sent at `sentAt` (milliseconds of the loop's clock) was answered ok.
    public mutating func renewed(sentAt: UInt64) -> Action {
        let until = sentAt + UInt64(QueueLimits.processTTLMilliseconds)
        if case .valid(let known) = state {
            // The pending check will find the later end.
            state = .valid(until: max(known, until))
            return .nothing
        }
        state = .valid(until: until)
        return .look(at: until)
    }

    /// A requested check is due.
    public mutating func looked(now: UInt64) -> Action {
        guard case .valid(let until) = state else { return .nothing }
        guard now >= until else { return .look(at: until) }
        state = .over
        return .endSessions
    }
}
