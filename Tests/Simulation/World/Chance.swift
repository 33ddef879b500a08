/// A stream of chance: small, seedable, the same everywhere. Each concern draws from a stream of its own, so that a new
/// fault family does not change what the others draw.
struct Chance: RandomNumberGenerator {
    private var state: UInt64

    /// - Parameter stream: what the stream is for.
    init(seed: UInt64, stream: StaticString) {
        // FNV-1a of the name, stirred into the seed.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        stream.withUTF8Buffer { bytes in for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 } }
        state = seed &* 0x9E37_79B9_7F4A_7C15 ^ hash
        _ = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// One of the range. Modulo: the bias is of no interest here, the same numbers everywhere are.
    mutating func number(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int {
        Int(number(Int64(range.lowerBound)...Int64(range.upperBound)))
    }

    /// True so many times in a thousand.
    mutating func happens(perMille: Int) -> Bool { Int(next() % 1_000) < perMille }

    mutating func one<Element>(of elements: [Element]) -> Element { elements[number(0...elements.count - 1)] }

    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var left = elements
        for index in left.indices.dropLast() { left.swapAt(index, number(index...left.count - 1)) }
        return left
    }
}
