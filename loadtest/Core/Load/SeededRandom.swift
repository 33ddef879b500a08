import Glibc

/// Chance that is the same in each run with the same seed (SplitMix64), so that two systems get the same load.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// From 0 to 1, without 1.
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// From the exponential distribution with this mean.
    public mutating func exponential(mean: Double) -> Double { -mean * log(1 - unit()) }

    /// From the normal distribution with mean 0 and deviation 1 (Box and Muller).
    public mutating func normal() -> Double {
        let radius = (-2 * log(1 - unit())).squareRoot()
        return radius * cos(2 * .pi * unit())
    }
}
