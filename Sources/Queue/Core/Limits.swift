/// What one tenant may hold and how long it may wait.
public struct TenantLimits: Hashable, Sendable {
    /// Most slots held at once; 0 lets nobody in until it is raised.
    public var cap: Int
    /// Most clients waiting at once.
    public var queueMax: Int
    /// Longest wait, in milliseconds.
    public var waitMaxMilliseconds: Int
    /// Most seconds of head start a request may ask for.
    public var priorityMaxSeconds: Int
    /// Share under the policy `fair`.
    public var weight: Int
    /// While it holds fewer slots than this and has a client waiting, it goes before all others. At most `cap`.
    public var guarantee: Int
    /// Most connections at one gateway, waiting and served ones together; nil for the sum of the
    /// others. Redis does not have it: each gateway keeps it by its own file.
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

/// Limits of the queue itself. What the scripts enforce stands in `lib_base.lua` too; a test holds the two together.
public enum QueueLimits {
    /// The layout of the data in Redis. A process works with data one schema older or newer than its own.
    public static let schema = 2
    /// The oldest layout that was ever released.
    public static let schemaMin = 2
    /// Pools a fleet.
    public static let poolsMax = 256
    /// Different things that one tenant's clients wait for at once.
    public static let selectorsPerTenantMax = 16
    /// The same over the fleet.
    public static let selectorsMax = 1_024
    /// Most clients waiting in one fleet.
    public static let waitersMax = 1_000_000
    /// Longest text of a worker about its slots that fail, in bytes.
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
    /// Rows of one call.
    public static let settingsBatch = 256
    /// Pools that scale from zero.
    public static let zerosMax = 256
    /// From a grant to the worker's accept.
    public static let acceptDeadlineMilliseconds = 5_000
    /// Without a renew for that long a process counts as dead.
    public static let processTTLMilliseconds = 10_000
    /// After Redis lost data, for processes to put back what they hold.
    public static let holdOffMilliseconds = 12_000
    /// Between two renews of a process.
    public static let heartbeatMilliseconds = 2_000
    /// Between two collects where no wake-up came.
    public static let pollMilliseconds = 1_000
    /// Until a process that Redis did not take registers again.
    public static let registerAgainMilliseconds: UInt64 = 1_000
    /// Without Redis for that long, new clients are refused.
    public static let storeAwayMilliseconds: UInt64 = 2_000
    /// Parts of a gateway's waiters, by their ids, that are counted at each renew.
    public static let rollSlices = 64
    /// Listings that one renew answers.
    public static let rollListingsMax = 5
    /// Ids that one listing holds.
    public static let rollIdsMax = 128
    /// Of the listing that each renew has in rotation.
    public static let rollRotationIdsMax = 64
    /// Calls of one process under way to Redis; the others wait in `CallLine`. Redis executes what all processes have
    /// under way before it answers any of them, and 32 from each of 8 gateways give it as much to do as 1,024 do.
    public static let callsSentMax = 32
    /// Those of one tenant.
    public static let callsSentOfTenantMax = 8
    /// Distinct workers that must fail a waiter before it may be told `worker_failed`.
    public static let distinctWorkersMax = 3
}
