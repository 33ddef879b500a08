/// Symbols, each with 64 bits: the fields of a hash with their values, the members of a set, of a ranked set with their
/// scores. Where there are few, looking at each is fastest; beyond that an index says where one stands.
struct SymbolTable {
    struct Entry {
        let symbol: Symbol
        var bits: UInt64
    }

    private static let unindexedMax = 12

    private(set) var entries: ContiguousArray<Entry> = []
    /// Open addressing, position + 1, 0 where free; at most half full. Empty while there are few.
    private var slots: ContiguousArray<UInt32> = []

    var count: Int { entries.count }

    @inline(__always) private static func home(_ symbol: Symbol, _ mask: Int) -> Int {
        Int((UInt64(symbol) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    func position(of symbol: Symbol) -> Int? {
        if slots.isEmpty {
            for index in 0..<entries.count where entries[index].symbol == symbol { return index }
            return nil
        }
        let mask = slots.count - 1
        var slot = Self.home(symbol, mask)
        while slots[slot] != 0 {
            let position = Int(slots[slot]) - 1
            if entries[position].symbol == symbol { return position }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// - Returns: what was there.
    @discardableResult
    mutating func set(_ symbol: Symbol, _ bits: UInt64) -> UInt64? {
        if let position = position(of: symbol) {
            let old = entries[position].bits
            entries[position].bits = bits
            return old
        }
        entries.append(Entry(symbol: symbol, bits: bits))
        if slots.isEmpty ? entries.count > Self.unindexedMax : entries.count * 2 > slots.count {
            rebuild()
        } else if !slots.isEmpty {
            enter(entries.count - 1)
        }
        return nil
    }

    /// The last one takes the place of what goes.
    mutating func remove(_ symbol: Symbol) -> UInt64? {
        guard let position = position(of: symbol) else { return nil }
        let old = entries[position].bits
        let last = entries.count - 1
        if !slots.isEmpty {
            vacate(slot(pointingTo: position))
            if position != last { slots[slot(pointingTo: last)] = UInt32(position + 1) }
        }
        if position != last { entries[position] = entries[last] }
        entries.removeLast()
        return old
    }

    private func slot(pointingTo position: Int) -> Int {
        let mask = slots.count - 1
        var slot = Self.home(entries[position].symbol, mask)
        while slots[slot] != UInt32(position + 1) { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func enter(_ position: Int) {
        let mask = slots.count - 1
        var slot = Self.home(entries[position].symbol, mask)
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = UInt32(position + 1)
    }

    /// Moves those behind back, so that no search stops at a hole before what it looks for.
    private mutating func vacate(_ slot: Int) {
        let mask = slots.count - 1
        var (hole, next) = (slot, (slot + 1) & mask)
        while slots[next] != 0 {
            let home = Self.home(entries[Int(slots[next]) - 1].symbol, mask)
            if (next - home) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = 0
    }

    private mutating func rebuild() {
        slots = ContiguousArray(repeating: 0, count: max(64, slots.count * 2))
        for position in entries.indices { enter(position) }
    }
}
