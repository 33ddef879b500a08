import QueueCore

/// One pool of a worker: how many slots it has, and how they share sidecars.
public struct PoolPlan: Hashable, Sendable {
    public let pool: Pool
    /// Sessions served at once.
    public let slots: Int
    public let seating: Seating
    /// Memory that a sidecar may use. nil for no limit.
    public let memoryBytesMax: UInt64?

    public init(pool: Pool, slots: Int, seating: Seating = Seating(), memoryBytesMax: UInt64? = nil) {
        self.pool = pool
        self.slots = slots
        self.seating = seating
        self.memoryBytesMax = memoryBytesMax
    }
}
