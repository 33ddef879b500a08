import QueueCore

/// One client's way through the queue, from its enqueue to its session or its refusal.
///
/// Who may free the slot decides everything here: before the first SYN of a dial the gateway (`cancel`), from then to
/// the worker's proof whoever gives a verdict (`reject`, or `cancel` marked as dialed), after the proof the worker
/// alone. So a dial that ends without a proof is never just dropped: its verdict goes to Redis first, and only the
/// reply says how the wait goes on. Whatever Redis grants is dialed, ended by a verdict, or answered by a cancel that
/// names the lease.
///
/// A waiter keeps its ticket and its count of attempts for life, also when the gateway had to register anew and
/// enqueues it under a new id.
public struct Waiter: Sendable {
    public enum State: Hashable, Sendable {
        /// Nothing was asked of the queue yet.
        /// Can transition to: enqueuing, ended.
        case idle
        /// The enqueue is on its way; its grant may overtake its reply.
        /// Can transition to: waiting, granted, ended.
        case enqueuing
        /// In line.
        /// Can transition to: granted, enqueuing (the gateway registered anew), ended.
        case waiting
        /// A slot is ours, and nothing was sent to its worker yet.
        /// Can transition to: dialing, rejecting, granted (a newer attempt), ended.
        indirect case granted(Grant)
        /// The worker was called. `next` is a newer grant, to be dialed when this dial has ended.
        /// Can transition to: active, rejecting, waiting, granted, enqueuing, ended.
        indirect case dialing(Grant, next: Grant?)
        /// The dial failed, and the verdict is on its way.
        /// Can transition to: waiting, granted, enqueuing, ended.
        indirect case rejecting(LeaseID, next: Grant?)
        /// The worker's proof came: the session is the worker's to end.
        /// Can transition to: finished.
        case active(LeaseID)
        /// It had its session.
        /// Can transition to: nothing.
        case finished(LeaseID)
        /// It got none.
        /// Can transition to: nothing.
        case ended(WaitEnd)
    }

    /// What to tell the queue.
    public enum QueueAction: Hashable, Sendable {
        case none
        /// Under the waiter's present id, ticket and attempt.
        case enqueue
        /// - Parameter dialed: the slot's worker was called: the slot recycles instead of being free at once.
        case cancel(LeaseID?, dialed: Bool)
        case reject(LeaseID, RejectReason, final: Bool)
    }

    /// What to do for the client.
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

    /// Why a dial ended without a proof.
    public enum DialFailure: Hashable, Sendable {
        case unreachable
        /// No descriptor was left to dial with.
        case local
        /// The worker's own verdict. It may not stand in Redis yet, or never come there.
        case rejected(RejectReason)
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
        case .granted, .dialing: true
        case .idle, .enqueuing, .waiting, .rejecting, .active, .finished, .ended: false
        }
    }

    /// What Redis should have of it.
    public var rollStanding: WaiterRoll.Standing {
        switch state {
        case .waiting: .waiting
        case .granted, .dialing, .rejecting: .deciding
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
        case .enqueuing, .waiting, .granted:
            guard isNew(grant) || (!isDialing && isElsewhere(grant)) else { return .none }
            newest = grant
            state = .granted(grant)
            return Action(client: .dial(grant))
        case .dialing(let current, _):
            guard isNew(grant) else { return .none }
            newest = grant
            state = .dialing(current, next: grant)
            return .none
        case .rejecting(let lease, _):
            guard isNew(grant) || isElsewhere(grant) else { return .none }
            newest = grant
            state = .rejecting(lease, next: grant)
            return .none
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
        case .idle, .enqueuing, .granted, .dialing, .rejecting, .active, .finished, .ended:
            // The verdict on a dial under way will tell that its lease is over.
            return .none
        }
    }

    /// Somebody else ended the wait. A session is its worker's to end, and was told so.
    public mutating func endedFromOutside(_ why: EndReason) -> Action {
        switch state {
        case .enqueuing, .waiting, .granted, .dialing, .rejecting: leave(.gone(why))
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
        guard case .granted(let grant) = state else { return .none }
        state = .dialing(grant, next: nil)
        return .none
    }

    /// The worker proved that the lease is accepted and its sidecar connected.
    public mutating func proved() -> Action {
        guard case .dialing(let grant, let next) = state else { return .none }
        state = .active(grant.lease)
        return Action(queue: next.map { .cancel($0.lease, dialed: false) } ?? .none, client: .relay)
    }

    /// The dial ended without a proof.
    public mutating func dialFailed(_ failure: DialFailure) -> Action {
        let grant: Grant
        var next: Grant?
        switch state {
        case .granted(let current): grant = current
        case .dialing(let current, let newer): (grant, next) = (current, newer)
        case .idle, .enqueuing, .waiting, .rejecting, .active, .finished, .ended: return .none
        }
        state = .rejecting(grant.lease, next: next)
        switch failure {
        case .local:
            return Action(queue: .reject(grant.lease, .local, final: false))
        case .unreachable:
            note(failed: grant.worker)
            let final = failedWorkers.count >= QueueLimits.distinctWorkersMax
            return Action(queue: .reject(grant.lease, .unreachable, final: final))
        case .rejected(let reason):
            if reason != .stale { note(failed: grant.worker) }
            // The same verdict once more: only Redis' reply tells whether the waiter stands in line again.
            return Action(queue: .reject(grant.lease, reason, final: false))
        }
    }

    /// The reply to `reject`.
    /// - Parameter freshID: the id to go on under, if a new enqueue is needed.
    public mutating func verdictReplied(_ reply: RejectReply, now: UInt64, freshID: WaiterID) -> Action {
        guard case .rejecting(_, let next) = state else { return .none }
        if reply == .nobodyElse, next == nil { return end(.workersFailed) }
        if case .gone(let why) = reply {
            return end(.gone(why), cancelling: next.map { .cancel($0.lease, dialed: false) } ?? .none)
        }
        // A lease that was over of itself took the waiter along: Redis does not know it any more.
        return goOn(next: next, isLost: reply != .requeued, now: now, freshID: freshID)
    }

    // MARK: the client

    /// The client closed, or reset, its connection.
    public mutating func clientLeft() -> Action { leave(.left) }

    /// The client sent bytes that it must not send before it was answered.
    public mutating func clientBroke() -> Action { leave(.broke) }

    /// The wait is over. A dial under way may still succeed, so this is told again until it ended; a verdict is not
    /// waited for: Redis may be away.
    public mutating func deadlinePassed() -> Action {
        switch state {
        case .idle, .enqueuing, .waiting, .rejecting: leave(.timedOut)
        case .granted, .dialing, .active, .finished, .ended: .none
        }
    }

    /// The gateway's drain time is over. A dial under way may still succeed, as with `deadlinePassed`.
    public mutating func drainTimePassed() -> Action {
        switch state {
        case .idle, .enqueuing, .waiting, .rejecting:
            return leave(.shuttingDown)
        case .granted, .dialing:
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

    // MARK: steps they share

    /// Redis may have lost the last grant, and give its attempt's number once more: that one has a newer token.
    private func isNew(_ grant: Grant) -> Bool {
        grant.lease.attempt > attempt
            || (grant.lease.attempt == attempt && grant.token > newest?.token ?? Token.none)
    }

    /// Redis may have lost the number of the last token too, and give both once more: what was rejected at one slot is
    /// granted at another.
    private func isElsewhere(_ grant: Grant) -> Bool {
        guard let newest, grant.lease == newest.lease, grant.token == newest.token else { return false }
        return (grant.worker, grant.slot) != (newest.worker, newest.slot)
    }

    private mutating func note(failed worker: ProcessID) {
        if !failedWorkers.contains(worker) { failedWorkers.append(worker) }
    }

    /// After a dial that came to nothing: the newer grant, or back into line, or the end that was put off.
    private mutating func goOn(next: Grant?, isLost: Bool, now: UInt64, freshID: WaiterID) -> Action {
        if isShuttingDown || now >= deadline {
            return end(isShuttingDown ? .shuttingDown : .timedOut, cancelling: .cancel(next?.lease, dialed: false))
        }
        if let next {
            state = .granted(next)
            return Action(client: .dial(next))
        }
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
        case .granted(let grant):
            return end(why, cancelling: .cancel(grant.lease, dialed: false))
        case .dialing(let grant, let next):
            // The newer lease is the one that Redis holds; the older dial is closed with this verdict.
            let cancel = next.map { QueueAction.cancel($0.lease, dialed: false) } ?? .cancel(grant.lease, dialed: true)
            return end(why, cancelling: cancel)
        case .rejecting(_, let next):
            return end(why, cancelling: .cancel(next?.lease, dialed: false))
        case .active(let lease):
            state = .finished(lease)
            return .none
        case .finished, .ended:
            return .none
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
