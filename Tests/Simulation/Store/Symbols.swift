/// Bytes that somebody else keeps, for as long as a call runs.
struct Bytes {
    let base: UnsafePointer<UInt8>
    let count: Int

    var text: String { String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self) }

    subscript(index: Int) -> UInt8 { base[index] }

    /// As memcmp orders them, the shorter first.
    func precedes(_ other: Bytes) -> Bool {
        var index = 0
        let shorter = min(count, other.count)
        while index < shorter, base[index] == other.base[index] { index += 1 }
        return index < shorter ? base[index] < other.base[index] : count < other.count
    }

    func equals(_ other: Bytes) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index + 8 <= count {
            if word(index) != other.word(index) { return false }
            index += 8
        }
        while index < count {
            if base[index] != other.base[index] { return false }
            index += 1
        }
        return true
    }

    /// The same in every process: orders and digests come from it.
    var hash: UInt64 {
        var hash = 0x9E37_79B9_7F4A_7C15 ^ UInt64(count)
        var index = 0
        while index + 8 <= count {
            hash = stir(hash ^ word(index))
            index += 8
        }
        var rest: UInt64 = 0
        while index < count {
            rest = rest << 8 | UInt64(base[index])
            index += 1
        }
        return stir(hash ^ rest)
    }

    static func of<Result>(_ text: String, _ body: (Bytes) -> Result) -> Result {
        var text = text
        return text.withUTF8 { of($0, body) }
    }

    static func of<Result>(_ buffer: UnsafeBufferPointer<UInt8>, _ body: (Bytes) -> Result) -> Result {
        // Nothing is read of what is empty.
        body(Bytes(base: buffer.baseAddress ?? UnsafePointer(bitPattern: 1)!, count: buffer.count))
    }

    private func word(_ index: Int) -> UInt64 {
        UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
    }
}

/// Each bit of the result hangs on each bit given.
@inline(__always) func stir(_ value: UInt64) -> UInt64 {
    let product = (value ^ value >> 32).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
}

/// A string that was seen: equal numbers, equal bytes.
typealias Symbol = UInt32

/// Every string the store holds, once. A number then stands for it everywhere, so that comparing, hashing and writing
/// down what was there costs nothing. Nothing is forgotten before `empty`: one simulation uses some megabytes.
final class Symbols {
    static let none = Symbol.max
    private static let chunkBytes = 1 << 18

    private struct Entry {
        let bytes: Bytes
        let hash: UInt64
    }

    private var entries: ContiguousArray<Entry> = []
    /// Open addressing, symbol + 1, 0 where free; at most half full.
    private var slots: UnsafeMutablePointer<UInt32>
    private var mask: Int
    private var chunks: [UnsafeMutablePointer<UInt8>] = []
    private var free = 0

    init() {
        mask = (1 << 12) - 1
        slots = .allocate(capacity: mask + 1)
        slots.initialize(repeating: 0, count: mask + 1)
    }

    deinit {
        slots.deallocate()
        for chunk in chunks { chunk.deallocate() }
    }

    var count: Int { entries.count }

    func empty() {
        entries.removeAll(keepingCapacity: true)
        slots.update(repeating: 0, count: mask + 1)
        for chunk in chunks { chunk.deallocate() }
        chunks = []
        free = 0
    }

    @inline(__always) subscript(symbol: Symbol) -> Bytes { entries[Int(symbol)].bytes }

    @inline(__always) func hash(_ symbol: Symbol) -> UInt64 { entries[Int(symbol)].hash }

    func precedes(_ left: Symbol, _ right: Symbol) -> Bool {
        left != right && self[left].precedes(self[right])
    }

    /// - Returns: `none` for what was never stored.
    func find(_ bytes: Bytes) -> Symbol {
        let slot = slot(of: bytes, hash: bytes.hash)
        return slots[slot] == 0 ? Self.none : slots[slot] - 1
    }

    func intern(_ bytes: Bytes) -> Symbol {
        let hash = bytes.hash
        let slot = slot(of: bytes, hash: hash)
        if slots[slot] != 0 { return slots[slot] - 1 }
        entries.append(Entry(bytes: keep(bytes), hash: hash))
        slots[slot] = UInt32(entries.count)
        if entries.count * 2 > mask { grow() }
        return Symbol(entries.count - 1)
    }

    private func slot(of bytes: Bytes, hash: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot] - 1)]
            if entry.hash == hash, entry.bytes.equals(bytes) { break }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private func grow() {
        slots.deallocate()
        mask = mask * 2 + 1
        slots = .allocate(capacity: mask + 1)
        slots.initialize(repeating: 0, count: mask + 1)
        for (index, entry) in entries.enumerated() {
            var slot = Int(truncatingIfNeeded: entry.hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(index + 1)
        }
    }

    /// A copy that stays where it is, with a zero byte behind it.
    private func keep(_ bytes: Bytes) -> Bytes {
        let needed = bytes.count + 1
        if free < needed || chunks.isEmpty {
            // What is larger than a chunk gets one of its own; what was free in the last is given up.
            free = max(Self.chunkBytes, needed)
            chunks.append(.allocate(capacity: free))
            last = chunks[chunks.count - 1]
        }
        let base = last
        base.update(from: bytes.base, count: bytes.count)
        base[bytes.count] = 0
        last += needed
        free -= needed
        return Bytes(base: base, count: bytes.count)
    }

    private var last = UnsafeMutablePointer<UInt8>(bitPattern: 1)!
}
