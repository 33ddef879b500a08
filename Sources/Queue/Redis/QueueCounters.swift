/// Counts of one process' connection to Redis and of its sweeps, since the start of the process.
public struct QueueCounters: Hashable, Sendable {
    /// Grants that the wake channel brought first.
    public internal(set) var wakeupsByChannel: UInt64 = 0
    /// Grants that a collect found, because no message had brought them.
    public internal(set) var wakeupsByCollect: UInt64 = 0
    /// How many leases, gateways and workers this process' sweeps ended at their deadline. The key is the state of the lease,
    /// `gateway` or `worker`.
    public internal(set) var swept: [String: UInt64] = [:]
    /// Connections to Redis that were lost.
    public internal(set) var connectionsLost: UInt64 = 0

    public init() {}
}
