/// How often this gateway was granted a slot lately: what `Retry-After` is computed from.
public struct GrantRate: Hashable, Sendable {
    /// Weight of what was before halves in about this time.
    static let halfLifeMilliseconds = 30_000.0
    public static let retrySecondsMax = 60

    private var perSecond = 0.0
    private var last: UInt64 = 0

    public init() {}

    public mutating func noteGrant(now: UInt64) {
        perSecond = rate(now: now) + 0.693 / (GrantRate.halfLifeMilliseconds / 1_000)
        last = now
    }

    func rate(now: UInt64) -> Double {
        // Halves by linear steps between powers of two: close enough, and without a maths library.
        let age = Double(now - min(now, last)) / GrantRate.halfLifeMilliseconds
        guard age < 32 else { return 0 }
        let halvings = Int(age)
        return perSecond / Double(1 << halvings) * (1 - (age - Double(halvings)) / 2)
    }

    /// When a client that is refused now may come back with hope: the time in which those who wait here were granted
    /// at the present rate, with up to a quarter more so that they do not all return at once.
    /// - Parameter random: any bits.
    public func retryAfterSeconds(waiting: Int, now: UInt64, random: UInt64) -> Int {
        let rate = rate(now: now)
        let seconds = rate > 0 ? min(Double(waiting + 1) / rate, Double(GrantRate.retrySecondsMax)) : 10
        let jitter = seconds / 4 * Double(random % 1_000) / 1_000
        return max(1, min(GrantRate.retrySecondsMax, Int(seconds + jitter + 0.999)))
    }
}
