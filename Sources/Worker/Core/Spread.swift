/// Spreads limits, so that workers and sidecars that started together are not replaced together.
public enum Spread {
    /// Up to a tenth below a limit.
    /// - Parameter draw: random bits, drawn by the caller.
    public static func below(_ most: UInt64, draw: UInt64) -> UInt64 { most - draw % (most / 10 + 1) }

    /// Random bits for one of several that share a seed. The factor spreads consecutive numbers: 2^64 divided by the
    /// golden ratio.
    public static func draw(seed: UInt64, number: Int) -> UInt64 {
        seed &+ UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15
    }
}
