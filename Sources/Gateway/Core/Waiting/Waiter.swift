import QueueCore

/// One client's way through the queue, from its enqueue to its session or its refusal.
///
/// A `Dial` tells which side may free the slot. A dial that ends without a proof is never just dropped: its verdict
/// goes to Redis first, and the reply says how the wait goes on. Every grant of Redis is dialed, ended by a verdict, or
/// answered by a cancel that names the lease.
///
/// A waiter keeps its ticket and its count of attempts for life, even if the gateway had to register anew and enqueues
/// the waiter under a new id.
public struct Waiter: Sendable {
    public enum State: Hashable, Sendable {
        /// Nothing was asked of the queue yet.
        /// Can transition to: enqueuing, ended.
        case idle
        /// The enqueue is on its way. A grant may overtake its reply.
        /// Can transition to: waiting, dialing, ended.
        case enqueuing
        /// In line.
        /// Can transition to: dialing, enqueuing (the gateway registered anew), ended.
        case waiting
        /// A slot was granted: its worker is dialed, or the verdict on that dial is on its way. `next` is a newer grant,
        /// to be dialed when Redis has the verdict.
        /// Can transition to: active, waiting, dialing (the newer grant), enqueuing, ended.
        indirect case dialing(Dial, next: Grant?)
        /// The worker proved itself. From here on only the worker ends the session.
        /// Can transition to: finished.
        case active(LeaseID)
        /// The session is over.
        /// Can transition to: nothing.
        case finished(LeaseID)
        /// The wait is over, and there was no session.
        /// Can transition to: nothing.
        case ended(WaitEnd)
    }

    /// The call to the queue.
    public enum QueueAction: Hashable, Sendable {
        case none
        /// Under the waiter's present id, ticket and attempt.
        case enqueue
        /// - Parameter dialed: the slot's worker was called, so that the slot recycles before it is free.
        case cancel(LeaseID?, dialed: Bool)
        case reject(LeaseID, RejectReason, final: Bool)
    }

    /// The effect on the client.
    public enum ClientAction: Hashable, Sendable {
        case none
        case dial(Grant)
        case relay
        case end(WaitEnd)
    }

    /// Two effects that never exclude each other.
    public struct Action: Hashable, Sendable {
        public let queue: QueueAction
        public let client: ClientAction

        init(queue: QueueAction = .none, client: ClientAction = .none) {
            self.queue = queue
            self.client = client
        }

        public static let none = Action()
    }

    public private(set) var id: WaiterID
    public private(set) var state = State.idle
    /// Arrival in µs of Redis' clock, once known.
    public private(set) var ticket: Int64?
    /// The newest attempt granted.
    public var attempt: Int { newest?.lease.attempt ?? 0 }
    /// Milliseconds of the loop's clock at which the wait is over.
    public let deadline: UInt64
    /// The newest grant.
    public private(set) var newest: Grant?
    private var failedWorkers: [ProcessID] = []
    private var isShuttingDown = false

    /// - Parameter deadline: in milliseconds of the loop's clock.
    public init(id: WaiterID, deadline: UInt64) {
        self.id = id
        self.deadline = deadline
    }

    /// A slot is ours and its worker has not answered yet: the dial must not be disturbed.
    public var isDialing: Bool {
        switch state {
        case .dialing(let dial, _): dial.isUnderWay
        case .idle, .enqueuing, .waiting, .active, .finished, .ended: false
        }
    }

    /// The state that Redis should have of this waiter.
    public var rollStanding: WaiterRoll.Standing {
        switch state {
        case .waiting: .waiting
        case .dialing: .deciding
        case .idle, .enqueuing, .active, .finished, .ended: .unsettled
        }
    }

    // MARK: the queue

    /// Its head was admitted.
    public mutating func begin(storeAvailable: Bool) -> Action {
        guard state == .idle else { return .none }
        guard storeAvailable else { return end(.storeUnavailable) }
        state = .enqueuing
        return Action(queue: .enqueue)
    }

    /// The reply to `enqueue`. Its grant may have come before.
    public mutating func enqueueReplied(_ reply: EnqueueReply) -> Action {
        if case .queued(let ticket) = reply { self.ticket = self.ticket ?? ticket }
        if case .granted(let ticket, let grant) = reply {
            self.ticket = self.ticket ?? ticket
            return granted(grant)
        }
        guard state == .enqueuing else { return .none }
        switch reply {
        case .queued, .granted:
            state = .waiting
            return .none
        case .takenBack:
            return .none
        case .gone(let why):
            return end(.gone(why))
        case .refused(let refusal):
            return end(.notQueued(refusal))
        }
    }

    /// A grant from the mailbox or the wake channel. It may come twice, early, or for an attempt long over.
    public mutating func granted(_ grant: Grant) -> Action {
        guard grant.lease.waiter == id else { return Action(queue: .cancel(grant.lease, dialed: false)) }
        switch state {
        case .idle, .ended:
            return Action(queue: .cancel(grant.lease, dialed: false))
        case .enqueuing, .waiting:
            return isNew(grant) || isElsewhere(grant) ? dial(grant) : .none
        case .dialing(let dial, _):
            return granted(grant, beside: dial)
        case .active(let lease), .finished(let lease):
            return grant.lease == lease ? .none : Action(queue: .cancel(grant.lease, dialed: false))
        }
    }

    /// Redis had ended this gateway, or lost its data.
    /// - Parameter freshID: the id to go on under, if a new enqueue is needed.
    public mutating func registeredAnew(freshID: WaiterID) -> Action {
        switch state {
        case .waiting:
            return enqueueAgain(freshID)
        case .idle, .enqueuing, .dialing, .active, .finished, .ended:
            // The reply to the verdict of a dial under way says that the lease is over.
            return .none
        }
    }

    /// An operator, a tenant or an alias ended the wait. If there is a session, the queue orders its worker to end it.
    public mutating func endedFromOutside(_ why: EndReason) -> Action {
        switch state {
        case .enqueuing, .waiting, .dialing: leave(.gone(why))
        case .idle, .active, .finished, .ended: .none
        }
    }

    /// Redis has been away for longer than a new client may wait for it.
    public mutating func storeWentAway() -> Action {
        state == .enqueuing && ticket == nil ? leaveQueue(.storeUnavailable) : .none
    }

    // MARK: the dial

    /// The connection to the worker is being opened: from here on only a verdict frees the slot.
    public mutating func dialBegan() -> Action {
        guard case .dialing(var dial, let next) = state else { return .none }
        dial.began()
        state = .dialing(dial, next: next)
        return .none
    }

    /// The worker proved that the lease is accepted and its sidecar connected.
    public mutating func proved() -> Action {
        guard case .dialing(var dial, let next) = state, dial.proved() else { return .none }
        state = .active(dial.grant.lease)
        return Action(queue: next.map { .cancel($0.lease, dialed: false) } ?? .none, client: .relay)
    }

    /// The dial ended without a proof.
    public mutating func dialFailed(_ failure: Dial.Failure) -> Action {
        guard case .dialing(var dial, let next) = state, let reason = dial.failed(failure) else { return .none }
        state = .dialing(dial, next: next)
        switch failure {
        case .local:
            return Action(queue: .reject(dial.grant.lease, reason, final: false))
        case .unreachable:
            note(failed: dial.grant.worker)
            let final = failedWorkers.count >= QueueLimits.distinctWorkersMax
            return Action(queue: .reject(dial.grant.lease, reason, final: final))
        case .rejected:
            if reason != .stale { note(failed: dial.grant.worker) }
            // The worker's verdict is sent again, because only the reply of Redis tells whether the waiter is in line.
            return Action(queue: .reject(dial.grant.lease, reason, final: false))
        }
    }

    /// The reply to `reject`.
    /// - Parameter freshID: the id to go on under, if a new enqueue is needed.
    public mutating func verdictReplied(_ reply: RejectReply, now: UInt64, freshID: WaiterID) -> Action {
        guard case .dialing(let dial, let next) = state, case .rejected = dial.state else { return .none }
        if reply == .nobodyElse, next == nil { return end(.workersFailed) }
        if case .gone(let why) = reply {
            return end(.gone(why), cancelling: next.map { .cancel($0.lease, dialed: false) } ?? .none)
        }
        // If the lease had ended by itself, Redis deleted the waiter with it.
        return goOn(next: next, isLost: reply != .requeued, now: now, freshID: freshID)
    }

    // MARK: the client

    /// The client closed, or reset, its connection.
    public mutating func clientLeft() -> Action { leave(.left) }

    /// The client sent bytes that it must not send before it was answered.
    public mutating func clientBroke() -> Action { leave(.broke) }

    /// The wait's time is over. A dial under way may still succeed, so the driver calls this again until the dial has
    /// ended. The wait does not go on for a verdict, because Redis may be away.
    public mutating func deadlinePassed() -> Action {
        switch state {
        case .idle, .enqueuing, .waiting: leave(.timedOut)
        case .dialing(let dial, _): dial.isUnderWay ? .none : leave(.timedOut)
        case .active, .finished, .ended: .none
        }
    }

    /// The gateway's drain time is over. A dial under way may still succeed, as with `deadlinePassed`.
    public mutating func drainTimePassed() -> Action {
        switch state {
        case .idle, .enqueuing, .waiting:
            return leave(.shuttingDown)
        case .dialing(let dial, _):
            guard dial.isUnderWay else { return leave(.shuttingDown) }
            isShuttingDown = true
            return .none
        case .active, .finished, .ended:
            return .none
        }
    }

    /// The session's connection has ended.
    public mutating func sessionEnded() -> Action {
        if case .active(let lease) = state { state = .finished(lease) }
        return .none
    }

    // MARK: shared steps

    /// If Redis lost the last grant, it gives the same attempt number again. The new grant has a newer token.
    private func isNew(_ grant: Grant) -> Bool {
        grant.lease.attempt > attempt
            || (grant.lease.attempt == attempt && grant.token > newest?.token ?? Token.none)
    }

    /// If Redis lost the number of the last token too, it gives both again: the same attempt and token, at another slot.
    private func isElsewhere(_ grant: Grant) -> Bool {
        guard let newest, grant.lease == newest.lease, grant.token == newest.token else { return false }
        return (grant.worker, grant.slot) != (newest.worker, newest.slot)
    }

    private mutating func note(failed worker: ProcessID) {
        if !failedWorkers.contains(worker) { failedWorkers.append(worker) }
    }

    private mutating func dial(_ grant: Grant) -> Action {
        newest = grant
        state = .dialing(Dial(grant), next: nil)
        return Action(client: .dial(grant))
    }

    /// A grant beside one that is dialed, or whose verdict is on its way.
    private mutating func granted(_ grant: Grant, beside dial: Dial) -> Action {
        switch dial.state {
        case .granted:
            return isNew(grant) ? self.dial(grant) : .none
        case .dialing:
            guard isNew(grant) else { return .none }
        case .rejected:
            guard isNew(grant) || isElsewhere(grant) else { return .none }
        case .proved:
            // A proof makes the waiter `active` at once.
            return .none
        }
        newest = grant
        state = .dialing(dial, next: grant)
        return .none
    }

    /// The step after a failed dial: dial the newer grant, queue again, or end if the end was postponed.
    private mutating func goOn(next: Grant?, isLost: Bool, now: UInt64, freshID: WaiterID) -> Action {
        if isShuttingDown || now >= deadline {
            return end(isShuttingDown ? .shuttingDown : .timedOut, cancelling: .cancel(next?.lease, dialed: false))
        }
        if let next { return dial(next) }
        if isLost { return enqueueAgain(freshID) }
        state = .waiting
        return .none
    }

    private mutating func enqueueAgain(_ freshID: WaiterID) -> Action {
        id = freshID
        state = .enqueuing
        return Action(queue: .enqueue)
    }

    private mutating func leave(_ why: WaitEnd) -> Action {
        switch state {
        case .idle, .enqueuing, .waiting:
            return leaveQueue(why)
        case .dialing(let dial, let next):
            return end(why, cancelling: cancel(dial, next: next))
        case .active(let lease):
            state = .finished(lease)
            return .none
        case .finished, .ended:
            return .none
        }
    }

    private func cancel(_ dial: Dial, next: Grant?) -> QueueAction {
        // If there is a newer lease, Redis holds that one. The older dial is closed with this verdict.
        if let next { return .cancel(next.lease, dialed: false) }
        return switch dial.state {
        case .granted: .cancel(dial.grant.lease, dialed: false)
        case .dialing: .cancel(dial.grant.lease, dialed: true)
        // Redis has the verdict, or will get it before this call.
        case .rejected, .proved: .cancel(nil, dialed: false)
        }
    }

    private mutating func leaveQueue(_ why: WaitEnd) -> Action {
        // The queue client sends it only after the pending enqueue of this id was answered.
        end(why, cancelling: state == .idle ? .none : .cancel(nil, dialed: false))
    }

    private mutating func end(_ why: WaitEnd, cancelling queue: QueueAction = .none) -> Action {
        state = .ended(why)
        return Action(queue: queue, client: .end(why))
    }
}
