/// Where one waiter stands, as its own tenant may see it.
public struct Place: Hashable, Sendable {
    /// What a waiter waits for, the first that applies.
    public enum Reason: String, Sendable, CaseIterable {
        /// Redis lost data; processes put back what they hold, and nobody is served meanwhile.
        case recovering
        /// The tenant holds as many slots as it may.
        case tenantCap = "tenant_cap"
        /// No living worker serves a pool that fits.
        case noWorker = "no_worker"
        /// An operator has paused all pools that fit and have workers.
        case paused
        /// All slots that fit are taken.
        case capacity
    }

    /// The waiter's state in the queue: `queued`, `aside` (its gateway is suspended), `granted`, `accepted`.
    public let state: String
    /// So many stand before it in the whole fleet, by arrival and head start: under `fifo`, at most so many of those who are
    /// there now are served before it.
    public let ahead: Int
    /// How many of those are its own tenant's.
    public let aheadOfTenant: Int
    /// How long the first of the line has waited.
    public let oldestMilliseconds: Int
    /// How long this one has waited, by Redis' clock.
    public let waitedMilliseconds: Int
    /// `nil` once it no longer waits.
    public let reason: Reason?
    /// About how long it will wait yet, by the grants of the last minute; `nil` where they do not tell.
    public let estimateMilliseconds: Int?

    public init(
        state: String, ahead: Int, aheadOfTenant: Int, oldestMilliseconds: Int, waitedMilliseconds: Int,
        reason: Reason?, estimateMilliseconds: Int?
    ) {
        self.state = state
        self.ahead = ahead
        self.aheadOfTenant = aheadOfTenant
        self.oldestMilliseconds = oldestMilliseconds
        self.waitedMilliseconds = waitedMilliseconds
        self.reason = reason
        self.estimateMilliseconds = estimateMilliseconds
    }
}
