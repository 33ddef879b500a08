/// Tells if memory is short: while less than the reserve is available, no spare starts, and idle spares end.
///
/// A spare that ends makes room. So that the next one does not start in that room and end again, memory counts as short
/// until a quarter more than the reserve was available at each look of `calmMilliseconds`.
public struct MemoryReserve: Sendable {
    /// The reserve, unless the setting `worker.memoryReserve` is given.
    public static let bytesDefault: UInt64 = 536_870_912
    /// How long memory must be plentiful before spares start again.
    public static let calmMilliseconds: UInt64 = 30_000

    public let bytes: UInt64
    public private(set) var isShort = false
    /// Since when there is plenty; nil if there was not at the last look.
    private var plentySince: UInt64?

    /// - Parameter bytes: 0 for no reserve.
    public init(bytes: UInt64) { self.bytes = bytes }

    /// A look at the memory.
    /// - Parameter available: in bytes; nil if unknown, which changes nothing.
    public mutating func look(available: UInt64?, now: UInt64) {
        guard let available else { return }
        guard isShort else {
            isShort = available < bytes
            return
        }
        guard available >= bytes + bytes / 4 else {
            plentySince = nil
            return
        }
        let since = plentySince ?? now
        plentySince = since
        guard now >= since + MemoryReserve.calmMilliseconds else { return }
        isShort = false
        plentySince = nil
    }
}
