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

    /// The waiter's state in the queue: `queued`, `aside` (its gateway is suspended), `granted`, `reserved`, `accepted`;
    /// `new` for a client that has not come yet.
    public let state: String
    /// `nil` for a client that has not come yet.
    public let waiter: WaiterID?
    /// The session that the waiter has, or will have; `nil` if it still waits.
    public let lease: LeaseID?
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
        state: String, waiter: WaiterID?, lease: LeaseID?, ahead: Int, aheadOfTenant: Int, oldestMilliseconds: Int,
        waitedMilliseconds: Int,
        reason: Reason?, estimateMilliseconds: Int?
    ) {
        self.state = state
        self.waiter = waiter
        self.lease = lease
        self.ahead = ahead
        self.aheadOfTenant = aheadOfTenant
        self.oldestMilliseconds = oldestMilliseconds
        self.waitedMilliseconds = waitedMilliseconds
        self.reason = reason
        self.estimateMilliseconds = estimateMilliseconds
    }
}

/// Why a waiter whose time is over had no slot.
public struct Obstacle: Hashable, Sendable {
    public let reason: Place.Reason
    /// Slots that the tenant holds.
    public let held: Int
    /// The most slots that the tenant may hold at once.
    public let cap: Int

    public init(_ reason: Place.Reason, held: Int = 0, cap: Int = 0) {
        self.reason = reason
        self.held = held
        self.cap = cap
    }
}

/// Why a gateway ends a waiter whose client is still there.
public enum Expiry: String, Hashable, Sendable {
    /// Its time is over. The reply says why it had no slot.
    case late
    /// End it only if no worker serves its pools. The reply says why it waits.
    case unserved
    /// Its gateway ends. The ticket of its alias is kept for a while, as if the gateway had died.
    case moves
}
