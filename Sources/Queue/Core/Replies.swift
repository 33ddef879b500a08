/// The queue's answer to an enqueue.
public enum EnqueueReply: Hashable, Sendable {
    /// The waiter is in line. The ticket is its arrival, in Redis microseconds.
    case queued(ticket: Int64)
    /// A fitting slot was free.
    case granted(ticket: Int64, Grant)
    /// The waiter was ended from outside while its enqueue was sent again.
    case gone(EndReason)
    /// The gateway cancelled the waiter before its enqueue was sent.
    case takenBack
    case refused(QueueRefusal)
}

/// Why the queue refuses a waiter.
public enum QueueRefusal: Hashable, Sendable {
    /// No worker ever offered a pool that fits.
    case unknownPool
    /// No worker served that version in the last 10 minutes. `versions` were served.
    case versionMismatch(versions: [String])
    /// The tenant has its maximum of waiting clients.
    case tenantQueueFull(max: Int)
    /// The fleet has its maximum of waiting clients.
    case queueFull(max: Int)
    /// Clients of the tenant, or of the fleet, wait for too many different selectors.
    case tooManySelectors
    /// Redis is at `maxmemory`.
    case storeFull
    /// No slot is free, and the client asked not to wait.
    case wouldWait
    /// Another living waiter of the tenant has the alias.
    case aliasTaken
}

/// The queue's answer to a gateway's `reject`.
public enum RejectReply: Hashable, Sendable {
    /// The waiter is queued again with its old ticket, or was already granted again.
    case requeued
    /// Three distinct workers failed the waiter and no other worker fits. The waiter has ended.
    case nobodyElse
    /// The lease was borrowed or kept. It waits for its next connection.
    case detached
    /// The waiter was ended from outside.
    case gone(EndReason)
    /// Neither the lease nor the waiter exists any more.
    case ended
}

/// The queue's answer to a worker's `accept`.
public enum AcceptReply: Hashable, Sendable {
    /// - Parameter keepSeconds: how long the slot is kept after the client's socket dropped; 0 if it is not kept.
    case accepted(keepSeconds: Int = 0)
    /// The lease is over. The client must not be served.
    case ended
    /// Redis did not answer in time. The lease may or may not be accepted; treat it as not accepted.
    case failed
}

/// Why a wait was ended from outside, by neither the client nor a worker. The raw value is the one in Redis.
public enum EndReason: String, Sendable, CaseIterable {
    /// The tenant or an operator requested it.
    case request
    /// Another client with the same alias arrived while the waiter's gateway was silent.
    case alias

    /// A value that only a newer process knows is treated as `request`.
    public init(word: some StringProtocol) {
        self = EndReason(rawValue: String(word)) ?? .request
    }
}

/// The waiters or sessions that a request ends.
public enum EndTarget: Hashable, Sendable {
    /// By its id or its alias.
    case waiter(String)
    case lease(LeaseID)
    /// All waiters and sessions of a run that exist now.
    case run(String)
    /// All waiters and sessions of the tenant that exist now.
    case tenant
}

/// The queue's answer to a request for an end.
public enum EndReply: Hashable, Sendable {
    /// `count` waiters and sessions have ended or were ordered to end. The rest of a large run follows automatically.
    case ended(count: Int)
    /// There is no such waiter or lease, or it belongs to another tenant.
    case notFound
}

/// The queue's answer to a `reserve`.
public enum ReserveReply: Hashable, Sendable {
    /// The slot is lent. It waits for its client for `milliseconds`.
    case reserved(milliseconds: Int)
    /// The lease is over.
    case ended
}

/// The queue's answer to an `attach`.
public enum AttachReply: Hashable, Sendable {
    /// Dial the lease's worker with this grant, which has the connection's number.
    /// `tenant` is the lease's.
    case granted(Grant, tenant: String)
    /// A client is connected to the lease, or is being connected.
    case alreadyAttached
    /// The lease belongs to another tenant.
    case forbidden
    /// The lease is over.
    case gone
    /// Redis lost data, and the worker may not have declared the lease again yet. Try again later.
    case recovering
}
