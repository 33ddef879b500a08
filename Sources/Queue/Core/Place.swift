/// The place of one waiter, as its own tenant may see it.
public struct Place: Hashable, Sendable {
    /// Why a waiter waits; the first reason that applies.
    public enum Reason: String, Sendable, CaseIterable {
        /// Redis lost data. Processes declare again what they hold, and no slot is granted meanwhile.
        case recovering
        /// The tenant holds as many slots as it may.
        case tenantCap = "tenant_cap"
        /// No living worker serves a pool that fits.
        case noWorker = "no_worker"
        /// An operator paused all pools that fit and have workers.
        case paused
        /// All slots that fit are in use.
        case capacity
    }

    /// The waiter's state in the queue: `queued`, `aside` (its gateway is suspended), `granted`, `accepted`.
    public let state: String
    /// The number of waiters before it in the whole fleet, by arrival and head start. Under `fifo`, at most this many
    /// of the present waiters are served before it.
    public let ahead: Int
    /// The number of waiters before it that belong to its own tenant.
    public let aheadOfTenant: Int
    /// How long the first waiter of the line has waited.
    public let oldestMilliseconds: Int
    /// How long this waiter has waited, by Redis' clock.
    public let waitedMilliseconds: Int
    /// `nil` if it does not wait any more.
    public let reason: Reason?
    /// The estimated rest of its wait, from the grants of the last minute; `nil` if they allow no estimate.
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
