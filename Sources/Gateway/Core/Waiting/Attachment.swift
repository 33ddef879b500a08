import QueueCore

/// One client's way to a session that it borrowed, or that keeps its slot: from the call `attach` to the relay or to the
/// refusal.
///
/// The worker is dialed as for a grant. A dial that ends without a proof is followed by a verdict, and the slot waits for
/// its next client.
public struct Attachment: Sendable {
    public enum State: Hashable, Sendable {
        /// The call `attach` is on its way.
        /// Can transition to: pausing, dialing, ended.
        case asking
        /// Redis lost data, and the worker may declare the session soon.
        /// Can transition to: asking, ended.
        case pausing
        /// The worker is dialed.
        /// Can transition to: active, ended.
        case dialing(Dial)
        /// The worker proved itself.
        /// Can transition to: nothing.
        case active(LeaseID)
        /// The client was refused, or has left.
        /// Can transition to: nothing.
        case ended(End)
    }

    public enum End: Hashable, Sendable {
        /// The client closed its connection.
        case left
        /// The client broke the protocol.
        case broke
        case timedOut
        case shuttingDown
        /// Another client is connected to the session.
        case alreadyAttached
        /// The session belongs to another tenant.
        case forbidden
        /// The session has ended, or never was.
        case gone
        /// The worker did not take the client. The slot waits for the next one.
        case dialFailed
    }

    /// The call to the queue.
    public enum QueueAction: Hashable, Sendable {
        case none
        case attach
        case reject(LeaseID, attach: Int, RejectReason)
    }

    /// The effect on the client.
    public enum ClientAction: Hashable, Sendable {
        case none
        /// Call `pauseOver` after `pauseMilliseconds`.
        case pause
        case dial(Grant)
        case relay(Grant)
        case end(End)
    }

    /// Two effects that never exclude each other.
    public struct Action: Hashable, Sendable {
        public let queue: QueueAction
        public let client: ClientAction

        init(queue: QueueAction = .none, client: ClientAction = .none) {
            self.queue = queue
            self.client = client
        }

        static let none = Action()
    }

    /// Between two calls while Redis recovers.
    public static let pauseMilliseconds: UInt64 = 1_000
    /// From the client's request to its refusal.
    public static let waitMilliseconds: UInt64 = 30_000

    public private(set) var state = State.asking

    public init() {}

    public mutating func begin() -> Action { Action(queue: .attach) }

    /// The reply to `attach`.
    public mutating func replied(_ reply: AttachReply) -> Action {
        guard state == .asking else {
            // The client has left meanwhile, and the worker was not called.
            guard case .granted(let grant, _) = reply else { return .none }
            return Action(queue: .reject(grant.lease, attach: grant.attach, .local))
        }
        switch reply {
        case .granted(let grant, _):
            state = .dialing(Dial(grant))
            return Action(client: .dial(grant))
        case .recovering:
            state = .pausing
            return Action(client: .pause)
        case .alreadyAttached: return end(.alreadyAttached)
        case .forbidden: return end(.forbidden)
        case .gone: return end(.gone)
        }
    }

    public mutating func pauseOver() -> Action {
        guard state == .pausing else { return .none }
        state = .asking
        return Action(queue: .attach)
    }

    /// The connection to the worker is being opened.
    public mutating func dialBegan() -> Action {
        if case .dialing(var dial) = state {
            dial.began()
            state = .dialing(dial)
        }
        return .none
    }

    /// The worker accepted the lease's connection, and its sidecar is connected.
    public mutating func proved() -> Action {
        guard case .dialing(var dial) = state, dial.proved() else { return .none }
        state = .active(dial.grant.lease)
        return Action(client: .relay(dial.grant))
    }

    /// The dial ended without a proof.
    public mutating func dialFailed(_ failure: Dial.Failure) -> Action {
        guard case .dialing(var dial) = state, let reason = dial.failed(failure) else { return .none }
        return end(.dialFailed, verdict: (dial.grant, reason))
    }

    public mutating func clientLeft() -> Action { leave(.left) }
    public mutating func clientBroke() -> Action { leave(.broke) }
    public mutating func deadlinePassed() -> Action { leave(.timedOut) }
    public mutating func drainTimePassed() -> Action { leave(.shuttingDown) }

    private mutating func leave(_ why: End) -> Action {
        switch state {
        case .asking, .pausing: return end(why)
        case .dialing(let dial):
            // If the worker was called, it may have accepted the connection.
            return end(why, verdict: (dial.grant, dial.state == .granted ? .local : .failed))
        case .active, .ended: return .none
        }
    }

    private mutating func end(_ why: End, verdict: (grant: Grant, reason: RejectReason)? = nil) -> Action {
        state = .ended(why)
        let queue = verdict.map { QueueAction.reject($0.grant.lease, attach: $0.grant.attach, $0.reason) }
        return Action(queue: queue ?? .none, client: .end(why))
    }
}

extension Attachment.End {
    /// The answer to the client; `nil` if the client has left.
    public var refusal: Refusal? {
        switch self {
        case .left: nil
        case .broke: .bytesBehindHead
        case .timedOut: .storeUnavailable
        case .shuttingDown: .shuttingDown
        case .alreadyAttached:
            Refusal(.alreadyAttached, "Another client is connected to this session; a session has one client at a time")
        case .forbidden: Refusal(.forbidden, "This session belongs to another tenant")
        case .gone:
            Refusal(
                .gone, "This session has ended: it was closed, its time was over, or nobody connected to it in time")
        case .dialFailed:
            Refusal(.workerFailed, "The session's worker did not take this client; the session waits for the next try")
        }
    }
}
