import QueueCore

/// All slots of one worker with their pools. The index of a slot is its name, here and in Redis.
public struct SlotTable: Sendable {
    public let pools: [Pool]
    public private(set) var slots: [Slot]

    /// - Parameter pools: one for each slot.
    public init(pools: [Pool]) {
        self.pools = pools
        slots = Array(repeating: Slot(), count: pools.count)
    }

    public var indices: Range<Int> { slots.indices }

    public subscript(index: Int) -> Slot {
        get { slots[index] }
        _modify { yield &slots[index] }
    }

    /// The rows of `register` and `renew`.
    public var rows: [SlotRow] { slots.indices.compactMap { slots[$0].row($0) } }

    /// The slot that this lease holds, before or after its proof.
    public func index(of lease: LeaseID) -> Int? { slots.firstIndex { $0.lease == lease } }

    /// Leases that hold a slot now.
    public var leases: [LeaseID] { slots.compactMap(\.lease) }

    /// No lease holds a slot: a draining worker may end.
    public var isVacant: Bool { slots.allSatisfy { $0.lease == nil } }

    /// Number of slots whose row has this state.
    public func count(_ state: SlotRow.State) -> Int {
        slots.indices.count { slots[$0].row($0)?.state == state }
    }

    /// Drains every slot. Returns the slots whose sidecar can stop now.
    public mutating func drain() -> [Int] { slots.indices.filter { slots[$0].drain() } }
}
