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

    public static let `default` = TenantLimits(
        cap: 1_000_000, queueMax: 10_000, waitMaxMilliseconds: 300_000, priorityMaxSeconds: 0, weight: 1)

    public init(cap: Int, queueMax: Int, waitMaxMilliseconds: Int, priorityMaxSeconds: Int, weight: Int) {
        self.cap = cap
        self.queueMax = queueMax
        self.waitMaxMilliseconds = waitMaxMilliseconds
        self.priorityMaxSeconds = priorityMaxSeconds
        self.weight = weight
    }
}

/// Limits of the queue itself. Each is a number a script or a process enforces.
public enum QueueLimits {
    public static let schema = 1
    public static let poolsMax = 256
    public static let selectorsPerTenantMax = 16
    public static let selectorsMax = 1_024
    /// Most clients waiting in one fleet.
    public static let waitersMax = 1_000_000
    /// Grants returned by one `collect`.
    public static let collectBatch = 256
    public static let acceptDeadlineMilliseconds = 5_000
    public static let heartbeatMilliseconds = 2_000
    public static let processTTLMilliseconds = 10_000
    public static let pollMilliseconds = 1_000
    public static let holdOffMilliseconds = 12_000
    /// Distinct workers that must fail a waiter before it may be told `worker_failed`.
    public static let distinctWorkersMax = 3
    /// Slots one worker may declare.
    public static let slotsPerWorkerMax = 1_024
}
