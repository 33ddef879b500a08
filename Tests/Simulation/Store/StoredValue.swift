enum Kind: UInt8 {
    case string, hash, set, ranked

    /// What TYPE says.
    var name: StaticString {
        switch self {
        case .string: "string"
        case .hash: "hash"
        case .set: "set"
        case .ranked: "zset"
        }
    }
}

/// What stands under one key.
final class StoredValue {
    struct Ranked {
        let score: Double
        let member: Symbol
    }

    let kind: Kind
    /// A string's one entry is the string itself, under the symbol 0.
    private(set) var table = SymbolTable()
    /// A ranked set's members by score, then bytes.
    private(set) var order: ContiguousArray<Ranked> = []
    /// Of all entries, whatever their order and history.
    private(set) var digest: UInt64 = 0

    init(_ kind: Kind) { self.kind = kind }

    var count: Int { table.count }

    func bits(of member: Symbol) -> UInt64? {
        guard let position = table.position(of: member) else { return nil }
        return table.entries[position].bits
    }

    func score(of member: Symbol) -> Double? { bits(of: member).map(Double.init(bitPattern:)) }

    /// - Returns: what was there.
    func set(_ member: Symbol, _ bits: UInt64, _ symbols: Symbols) -> UInt64? {
        let old = table.set(member, bits)
        guard old != bits else { return old }
        if let old { digest &-= part(member, old, symbols) }
        digest &+= part(member, bits, symbols)
        if kind == .ranked {
            if let old { order.remove(at: rank(Double(bitPattern: old), member, symbols)) }
            let score = Double(bitPattern: bits)
            order.insert(Ranked(score: score, member: member), at: rank(score, member, symbols))
        }
        return old
    }

    /// - Returns: what was there.
    func remove(_ member: Symbol, _ symbols: Symbols) -> UInt64? {
        guard let old = table.remove(member) else { return nil }
        digest &-= part(member, old, symbols)
        if kind == .ranked { order.remove(at: rank(Double(bitPattern: old), member, symbols)) }
        return old
    }

    /// How many stand before this member at this score.
    func rank(_ score: Double, _ member: Symbol, _ symbols: Symbols) -> Int {
        first { $0.score > score || ($0.score == score && !symbols.precedes($0.member, member)) }
    }

    /// The first position in the order from which on the condition holds.
    func first(where holds: (Ranked) -> Bool) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) >> 1
            if holds(order[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func part(_ member: Symbol, _ bits: UInt64, _ symbols: Symbols) -> UInt64 {
        switch kind {
        case .string: stir(symbols.hash(Symbol(bits)))
        case .hash: stir(symbols.hash(member) &+ stir(symbols.hash(Symbol(bits))))
        case .set: stir(symbols.hash(member))
        // Zero has two patterns and one meaning.
        case .ranked: stir(symbols.hash(member) &+ stir((Double(bitPattern: bits) + 0).bitPattern))
        }
    }
}
