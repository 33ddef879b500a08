/// How much one tenant may use, and how long it may wait.
public struct TenantLimits: Hashable, Sendable {
    /// Most slots held at once. If 0, no client is served until the cap is raised.
    public var cap: Int
    /// Most clients waiting at once.
    public var queueMax: Int
    /// Longest wait, in milliseconds.
    public var waitMaxMilliseconds: Int
    /// Most seconds of head start a request may ask for.
    public var priorityMaxSeconds: Int
    /// Share under the policy `fair`.
    public var weight: Int
    /// While the tenant holds fewer slots than this and has a client waiting, it is served before all others. At most
    /// `cap`.
    public var guarantee: Int
    /// Most connections at one gateway, waiting and served ones together. If nil, the default follows from `cap` and
    /// `queueMax`. Redis does not have this limit: each gateway applies the one in its own file.
    public var parkedMax: Int?

    public static let `default` = TenantLimits(
        cap: 1_000_000, queueMax: 10_000, waitMaxMilliseconds: 300_000, priorityMaxSeconds: 0, weight: 1, guarantee: 0)

    public init(
        cap: Int, queueMax: Int, waitMaxMilliseconds: Int, priorityMaxSeconds: Int, weight: Int, guarantee: Int = 0,
        parkedMax: Int? = nil
    ) {
        self.cap = cap
        self.queueMax = queueMax
        self.waitMaxMilliseconds = waitMaxMilliseconds
        self.priorityMaxSeconds = priorityMaxSeconds
        self.weight = weight
        self.guarantee = guarantee
        self.parkedMax = parkedMax
    }
}

/// Limits of the queue itself. `lib_base.lua` repeats those that the scripts enforce; a test compares the two.
public enum QueueLimits {
    /// The schema of the data in Redis. A process works with data one schema older or newer than its own.
    public static let schema = 9
    /// The oldest schema that this program reads.
    public static let schemaMin = 9
    /// Pools of a fleet.
    public static let poolsMax = 256
    /// Different selectors for which one tenant's clients wait at once.
    public static let selectorsPerTenantMax = 16
    /// Different selectors for which all clients of a fleet wait at once.
    public static let selectorsMax = 1_024
    /// Most clients waiting in one fleet.
    public static let waitersMax = 1_000_000
    /// Longest text of a worker about its failing slots, in bytes.
    public static let troubleBytesMax = 512
    /// Slots one worker may declare.
    public static let slotsPerWorkerMax = 1_024
    /// Longest name of a run, in bytes.
    public static let runBytesMax = 128
    /// Longest time that a slot is kept after a dropped socket.
    public static let keepSecondsMax = 3_600
    /// How long a borrowed slot waits for its client.
    public static let reserveMilliseconds = 30_000
    /// How long the ticket of an alias is kept after its gateway's end.
    public static let orphanMilliseconds = 30_000
    /// Grants returned by one `collect`.
    public static let collectBatch = 256
    /// Rows of the fleet's settings: tenants with limits of their own, pauses, pools that scale from zero.
    public static let settingsMax = 16_384
    /// Rows of settings in one call.
    public static let settingsBatch = 256
    /// Pools that scale from zero.
    public static let zerosMax = 256
    /// Tenants in the usage that one renew carries.
    public static let usageBatch = 128
    /// Days whose usage is kept, today included.
    public static let usageDays = 35
    /// Time from a grant to the worker's accept.
    public static let acceptDeadlineMilliseconds = 5_000
    /// A process without a renew for this long counts as dead.
    public static let processTTLMilliseconds = 10_000
    /// After Redis lost data, nothing is granted for this long, so that processes can declare again what they hold.
    public static let holdOffMilliseconds = 12_000
    /// Time between two renews of a process.
    public static let heartbeatMilliseconds = 2_000
    /// Time between two collects without a wake-up.
    public static let pollMilliseconds = 1_000
    /// Time until a process that Redis did not register tries again.
    public static let registerAgainMilliseconds: UInt64 = 1_000
    /// After this long without Redis, new clients are refused.
    public static let storeAwayMilliseconds: UInt64 = 2_000
    /// Slices of a gateway's waiters, by id, that are counted at each renew.
    public static let rollSlices = 64
    /// Listings in the reply to one renew.
    public static let rollListingsMax = 5
    /// Ids in one listing.
    public static let rollIdsMax = 128
    /// Ids in the listing of the slice in rotation.
    public static let rollRotationIdsMax = 64
    /// Calls of one process that are under way to Redis. Further calls wait in `CallLine`. Redis executes the calls
    /// that have arrived from all processes before it answers any of them. 32 calls from each of 8 gateways keep Redis
    /// as busy as 1,024 do.
    public static let callsSentMax = 32
    /// Calls of one tenant under way.
    public static let callsSentOfTenantMax = 8
    /// Distinct workers that must fail a waiter before it may be refused with `worker_failed`.
    public static let distinctWorkersMax = 3
}
