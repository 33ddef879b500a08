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
    public private(set) var id: WaiterID
    public private(set) var state = State.idle
    /// Arrival in µs of Redis' clock, once known.
    public private(set) var ticket: Int64?
    /// The newest attempt granted.
    public var attempt: Int { newest?.lease.attempt ?? 0 }
    public let purpose: WaitRequest.Purpose
    // Small values stand side by side, because a parked client keeps its waiter.
    private var isShuttingDown = false
    /// Milliseconds between two questions whether a worker serves the waiter's pools. The wait ends if none does.
    private let noWorkerWait: UInt32
    /// Milliseconds of the loop's clock at which the wait is over.
    public let deadline: UInt64
    /// Milliseconds of the loop's clock at which the driver calls `deadlinePassed` next.
    public private(set) var nextCheck: UInt64
    /// The newest grant.
    public private(set) var newest: Grant? {
        get { newestGrant.value }
        set { newestGrant = Apart(newValue) }
    }
    private var newestGrant = Apart<Grant>.none
    private var failedWorkers: [ProcessID] = []

    /// - Parameters:
    ///   - now: milliseconds of the loop's clock, as is `deadline`.
    ///   - noWorkerWait: in milliseconds; nil for the whole wait.
    public init(
        id: WaiterID, purpose: WaitRequest.Purpose = .connect, now: UInt64, deadline: UInt64,
        noWorkerWait: UInt64? = nil
    ) {
        self.id = id
        self.purpose = purpose
        self.deadline = deadline
        self.noWorkerWait = UInt32(clamping: noWorkerWait ?? UInt64(Int32.max))
        nextCheck = min(deadline, now + UInt64(self.noWorkerWait))
    }

    /// A slot is ours and its worker has not answered yet: the dial must not be disturbed.
    public var isDialing: Bool {
        switch state {
        case .dialing(let dial, _): dial.isUnderWay
        case .idle, .enqueuing, .waiting, .reserving, .lent, .active, .finished, .expiring, .ended: false
        }
    }

    /// The state that Redis should have of this waiter.
    public var rollStanding: WaiterRoll.Standing {
        switch state {
        case .waiting: .waiting
        case .dialing, .reserving: .deciding
        case .idle, .enqueuing, .lent, .active, .finished, .expiring, .ended: .unsettled
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
        case .idle, .expiring, .ended:
            return Action(queue: .cancel(grant.lease, dialed: false))
        case .enqueuing, .waiting:
            return isNew(grant) || isElsewhere(grant) ? serve(grant) : .none
        case .dialing(let dial, _):
            return granted(grant, beside: dial)
        case .reserving(let current, _):
            guard isNew(grant) || isElsewhere(grant) else { return .none }
            newest = grant
            state = .reserving(current, next: grant)
            return .none
        case .lent(let lease), .active(let lease), .finished(let lease):
            return grant.lease == lease ? .none : Action(queue: .cancel(grant.lease, dialed: false))
        }
    }

    /// Redis had ended this gateway, or lost its data.
    /// - Parameter freshID: the id to go on under, if a new enqueue is needed.
    public mutating func registeredAnew(freshID: WaiterID) -> Action {
        switch state {
        case .waiting:
            return enqueueAgain(freshID)
        case .idle, .enqueuing, .dialing, .reserving, .lent, .active, .finished, .expiring, .ended:
            // The reply to the verdict of a dial under way, or to `reserve`, says that the lease is over.
            return .none
        }
    }

    /// An operator, a tenant or an alias ended the wait. If there is a session, the queue orders its worker to end it.
    public mutating func endedFromOutside(_ why: EndReason) -> Action {
        switch state {
        case .enqueuing, .waiting, .dialing, .reserving: leave(.gone(why))
        case .idle, .lent, .active, .finished, .expiring, .ended: .none
        }
    }

    /// Redis has been away for longer than a new client may wait for it.
    public mutating func storeWentAway() -> Action {
        state == .enqueuing && ticket == nil ? leaveQueue(.storeUnavailable) : .none
    }

    // MARK: the loan

    /// The reply to `reserve`.
    public mutating func reserveReplied(_ reply: ReserveReply) -> Action {
        guard case .reserving(let grant, let next) = state else { return .none }
        switch reply {
        case .reserved(let milliseconds):
            state = .lent(grant.lease)
            let surplus = next.map { QueueAction.cancel($0.lease, dialed: false) }
            return Action(queue: surplus ?? .none, client: .lend(grant, milliseconds: milliseconds))
        case .ended:
            if let next { return serve(next) }
            // Redis queued the waiter again. If it lost the waiter, the comparison at a renew tells.
            state = .waiting
            return .none
        }
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

    /// `nextCheck` is over. At the deadline the driver calls this again, `GatewayLimits.verdictMilliseconds` later, until
    /// the wait has ended: a dial under way may still succeed, and Redis may not say why there was no slot.
    public mutating func deadlinePassed(now: UInt64) -> Action {
        guard now >= deadline else { return checkPassed(now: now) }
        switch state {
        // Redis had the time of the whole wait and has not answered the enqueue.
        case .idle, .enqueuing: return leave(.timedOut(nil))
        case .waiting: return expire(nil)
        case .dialing(let dial, let next):
            // The wait does not go on for a verdict, because Redis may be away.
            return dial.isUnderWay ? .none : expire(next?.lease)
        case .reserving(let grant, let next): return expire((next ?? grant).lease)
        case .expiring: return end(isShuttingDown ? .shuttingDown : .timedOut(nil))
        case .lent, .active, .finished, .ended: return .none
        }
    }

    private mutating func checkPassed(now: UInt64) -> Action {
        guard now >= nextCheck else { return .none }
        nextCheck = min(deadline, now + UInt64(noWorkerWait))
        return state == .waiting ? Action(queue: .expire(nil, .unserved)) : .none
    }

    /// The reply to `expire`.
    /// - Parameters:
    ///   - asked: the id that the question was about.
    ///   - obstacle: nil if Redis was not asked.
    public mutating func explained(_ obstacle: Obstacle?, of asked: WaiterID) -> Action {
        switch state {
        case .expiring: return end(isShuttingDown ? .shuttingDown : .timedOut(obstacle))
        case .waiting where asked == id && obstacle?.reason == .noWorker: return end(.timedOut(obstacle))
        case .idle, .enqueuing, .waiting, .dialing, .reserving, .lent, .active, .finished, .ended: return .none
        }
    }

    /// The gateway's drain time is over. A dial under way may still succeed, as with `deadlinePassed`. The client is told
    /// when Redis has kept the ticket of its alias, because the client may be at another gateway at once. The driver calls
    /// this again for those whose reply has not come.
    public mutating func drainTimePassed() -> Action {
        switch state {
        case .idle: return end(.shuttingDown)
        case .enqueuing, .waiting: return move(nil)
        case .reserving(let grant, let next): return move((next ?? grant).lease)
        case .dialing(let dial, let next):
            guard dial.isUnderWay else { return move(next?.lease) }
            isShuttingDown = true
            return .none
        case .expiring: return end(.shuttingDown)
        case .lent, .active, .finished, .ended:
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

    private mutating func serve(_ grant: Grant) -> Action {
        newest = grant
        switch purpose {
        case .connect, .hold:
            state = .dialing(Dial(grant), next: nil)
            return Action(client: .dial(grant))
        case .borrow:
            state = .reserving(grant, next: nil)
            return Action(queue: .reserve(grant.lease))
        }
    }

    /// A grant beside one that is dialed, or whose verdict is on its way.
    private mutating func granted(_ grant: Grant, beside dial: Dial) -> Action {
        switch dial.state {
        case .granted:
            return isNew(grant) ? serve(grant) : .none
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
        if isShuttingDown { return move(next?.lease) }
        if now >= deadline { return expire(next?.lease) }
        if let next { return serve(next) }
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
        case .reserving(let grant, let next):
            return end(why, cancelling: .cancel((next ?? grant).lease, dialed: false))
        case .active(let lease):
            state = .finished(lease)
            return .none
        case .expiring: return end(why)
        case .lent, .finished, .ended:
            return .none
        }
    }

    /// No dial is under way.
    private mutating func expire(_ lease: LeaseID?) -> Action {
        state = .expiring
        return Action(queue: .expire(lease, .late))
    }

    /// No dial is under way.
    private mutating func move(_ lease: LeaseID?) -> Action {
        isShuttingDown = true
        state = .expiring
        return Action(queue: .expire(lease, .moves))
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
