/// What the queue says to an enqueue.
public enum EnqueueReply: Hashable, Sendable {
    /// In line. The ticket is its arrival, in Redis microseconds.
    case queued(ticket: Int64)
    /// A fitting slot was free.
    case granted(ticket: Int64, Grant)
    /// Somebody else ended it while its enqueue was asked again.
    case gone(EndReason)
    /// The gateway cancelled it before it was sent.
    case takenBack
    case refused(QueueRefusal)
}

/// Why the queue takes no waiter.
public enum QueueRefusal: Hashable, Sendable {
    /// No worker ever offered a pool that fits.
    case unknownPool
    /// No worker served that version in the last 10 minutes; these were served.
    case versionMismatch(versions: [String])
    /// The tenant has as many waiting as it may.
    case tenantQueueFull(max: Int)
    /// The fleet has as many waiting as it may.
    case queueFull(max: Int)
    /// The tenant, or the fleet, waits for too many different things.
    case tooManySelectors
    /// Redis is at `maxmemory`.
    case storeFull
    /// No slot is free, and the client asked not to wait.
    case wouldWait
    /// Another of the tenant's waiters has the alias and lives.
    case aliasTaken
}

/// What the queue says to a gateway's `reject`.
public enum RejectReply: Hashable, Sendable {
    /// The waiter has its place back (or was granted anew already).
    case requeued
    /// Three distinct workers failed it and no other fits: the waiter has ended.
    case nobodyElse
    /// The lease was borrowed or kept, and waits for its next connection.
    case detached
    /// Somebody else ended the waiter.
    case gone(EndReason)
    /// Neither lease nor waiter is known any more.
    case ended
}

/// What the queue says to a worker's `accept`.
public enum AcceptReply: Hashable, Sendable {
    /// - Parameter keepSeconds: how long its slot is kept after the client's socket dropped; 0: not at all.
    case accepted(keepSeconds: Int = 0)
    /// The lease is over; the client must not be served.
    case ended
    /// Redis did not answer in time: not accepted as far as anybody knows.
    case failed
}

/// Why somebody who is neither the client nor a worker ended a wait. The raw value is the word in Redis.
public enum EndReason: String, Sendable, CaseIterable {
    /// Its tenant or an operator asked for it.
    case request
    /// Another client came with its alias while nobody heard its gateway.
    case alias

    /// A word of a newer process that this one does not know is somebody's request all the same.
    public init(word: some StringProtocol) {
        self = EndReason(rawValue: String(word)) ?? .request
    }
}

/// What is to end by request.
public enum EndTarget: Hashable, Sendable {
    case waiter(WaiterID)
    case lease(LeaseID)
    /// All waiters and sessions of a run that came until now.
    case run(String)
    /// All waiters and sessions of the tenant that came until now.
    case tenant
}

/// What the queue says to a request for an end.
public enum EndReply: Hashable, Sendable {
    /// So many were waiting or served and are ended, or told to end. Of a large run the rest follows by itself.
    case ended(count: Int)
    /// No such waiter or lease, or another tenant's.
    case notFound
}

/// What the queue says to a `reserve`.
public enum ReserveReply: Hashable, Sendable {
    /// The slot is lent; it waits that long for its client.
    case reserved(milliseconds: Int)
    /// The lease is over.
    case ended
}

/// What the queue says to an `attach`.
public enum AttachReply: Hashable, Sendable {
    /// Dial its worker; the grant names the connection.
    case granted(Grant)
    /// Somebody is connected to it, or being connected.
    case alreadyAttached
    /// Another tenant's.
    case forbidden
    /// It is over.
    case gone
    /// Redis lost data, and its worker may not have declared it again yet: ask later.
    case recovering
}
