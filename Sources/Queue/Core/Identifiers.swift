/// The id of one waiter: 128 random bits made by the gateway, written as 32 lower-case hex digits.
///
/// It keeps the bits, because each waiting client has an id, and the digits take 80 bytes of memory.
public struct WaiterID: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    public var text: String { hex(high, low) }

    /// - Parameter high, low: random bits, drawn by the caller.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads an id from Redis or from the wire; `nil` unless it is 32 lower-case hex digits.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 32, text.utf8.allSatisfy(isLowerHex) else { return nil }
        var bits: (high: UInt64, low: UInt64) = (0, 0)
        for digit in text.utf8 {
            let value = UInt64(digit <= UInt8(ascii: "9") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "a") + 10)
            bits = (bits.high << 4 | bits.low >> 60, bits.low << 4 | value)
        }
        self.init(high: bits.high, low: bits.low)
    }

    public var description: String { text }
}

/// The id of a lease, `<waiter>.<attempt>`. A redispatched waiter keeps its id, and its attempt grows by one.
public struct LeaseID: Hashable, Sendable, CustomStringConvertible {
    public let waiter: WaiterID
    /// 1 for the first grant of a waiter.
    public let attempt: Int

    public init(waiter: WaiterID, attempt: Int) {
        self.waiter = waiter
        self.attempt = attempt
    }

    public init?(_ text: some StringProtocol) {
        guard let dot = text.lastIndex(of: "."), let waiter = WaiterID(text[..<dot]),
            let attempt = Int(text[text.index(after: dot)...]), attempt > 0
        else { return nil }
        self.init(waiter: waiter, attempt: attempt)
    }

    public var description: String { "\(waiter.text).\(attempt)" }
}

/// The id of one process, `<node>.<generation>`. The generation is 64 random bits drawn at start, so that two processes
/// with one node id never share a record.
public struct ProcessID: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    /// `nil` unless `node` is 1–64 characters of `[A-Za-z0-9._-]`.
    public init?(node: String, generation: UInt64) {
        guard isName(node) else { return nil }
        text = "\(node).\(hex(generation))"
    }

    /// Reads an id; `nil` unless it has a node, a dot and 16 hex digits.
    public init?(_ text: some StringProtocol) {
        guard let dot = text.lastIndex(of: "."), isName(text[..<dot]) else { return nil }
        let generation = text[text.index(after: dot)...]
        guard generation.utf8.count == 16, generation.utf8.allSatisfy(isLowerHex) else { return nil }
        self.text = String(text)
    }

    /// The node id: the name that an operator gave the machine.
    public var node: Substring { text[..<text.lastIndex(of: ".")!] }

    public var description: String { text }
}

/// A fencing token. Tokens are ordered per slot, first by the epoch of Redis' history, then by number.
public struct Token: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let epoch: Int64
    public let number: Int64

    public static let none = Token(epoch: 0, number: 0)

    public init(epoch: Int64, number: Int64) {
        self.epoch = epoch
        self.number = number
    }

    public static func < (a: Token, b: Token) -> Bool {
        (a.epoch, a.number) < (b.epoch, b.number)
    }

    public var description: String { "\(epoch)/\(number)" }
}

/// True for 1–64 characters of `[A-Za-z0-9._-]`: node ids, tenants, label segments, fleets.
public func isName(_ text: some StringProtocol) -> Bool {
    let bytes = text.utf8
    return (1...64).contains(bytes.count)
        && bytes.allSatisfy { b in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(b) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(b)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(b) || b == UInt8(ascii: ".")
                || b == UInt8(ascii: "_") || b == UInt8(ascii: "-")
        }
}

func isLowerHex(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}

/// 16 lower-case digits, and 16 more for a second number.
func hex(_ first: UInt64, _ second: UInt64? = nil) -> String {
    String(unsafeUninitializedCapacity: 32) { digits in
        write(first, to: digits, from: 0)
        guard let second else { return 16 }
        write(second, to: digits, from: 16)
        return 32
    }
}

private func write(_ number: UInt64, to digits: UnsafeMutableBufferPointer<UInt8>, from start: Int) {
    var rest = number
    var index = start + 16
    while index > start {
        index -= 1
        let digit = UInt8(truncatingIfNeeded: rest & 15)
        digits[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
        rest >>= 4
    }
}
