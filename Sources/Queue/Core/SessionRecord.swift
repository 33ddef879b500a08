/// A session as its own tenant may see it, or a waiter of a run that has none yet.
public struct SessionRecord: Hashable, Sendable {
    public let waiter: WaiterID
    /// `nil` for a waiter.
    public let lease: LeaseID?
    /// A session is `granted`, `reserved` (borrowed, nobody was connected yet), `attaching`, `accepted`, or `kept` (its
    /// client's socket dropped). A waiter is `queued` or `aside`.
    public let state: String
    public let pool: Pool?
    public let worker: ProcessID?
    /// Empty for none.
    public let run: String
    /// Empty for none.
    public let alias: String
    /// The time after which the session ends if nobody connects; `nil` if it does not end by itself.
    public let remainingMilliseconds: Int?

    public init(
        waiter: WaiterID, lease: LeaseID?, state: String, pool: Pool?, worker: ProcessID?, run: String, alias: String,
        remainingMilliseconds: Int?
    ) {
        self.waiter = waiter
        self.lease = lease
        self.state = state
        self.pool = pool
        self.worker = worker
        self.run = run
        self.alias = alias
        self.remainingMilliseconds = remainingMilliseconds
    }
}
