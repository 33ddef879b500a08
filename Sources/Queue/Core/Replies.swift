/// What the queue says to an enqueue.
public enum EnqueueReply: Hashable, Sendable {
    /// In line. The ticket is its arrival, in Redis microseconds.
    case queued(ticket: Int64)
    /// A fitting slot was free.
    case granted(ticket: Int64, Grant)
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
    case queueFull
    /// The tenant, or the fleet, waits for too many different things.
    case tooManySelectors
    /// Redis is at `maxmemory`.
    case storeFull
    /// No slot is free, and the client asked not to wait.
    case wouldWait
}

/// What the queue says to a gateway's `reject`.
public enum RejectReply: Hashable, Sendable, CaseIterable {
    /// The waiter has its place back (or was granted anew already).
    case requeued
    /// Three distinct workers failed it and no other fits: the waiter has ended.
    case nobodyElse
    /// Neither lease nor waiter is known any more.
    case ended
}

/// What the queue says to a worker's `accept`.
public enum AcceptReply: Hashable, Sendable {
    case accepted
    /// The lease is over; the client must not be served.
    case ended
    /// Redis did not answer in time: not accepted as far as anybody knows.
    case failed
}
