/// The rate of this gateway's grants in the last seconds. `Retry-After` is computed from it.
public struct GrantRate: Hashable, Sendable {
    /// Time over which grants are averaged, in seconds.
    static let spanSeconds = 30.0
    public static let retrySecondsMax = 60

    private var perSecond = 0.0
    private var last: UInt64 = 0

    public init() {}

    /// A grant came. `now` is in milliseconds of the loop's clock.
    public mutating func noteGrant(now: UInt64) {
        perSecond = rate(now: now) + 1 / GrantRate.spanSeconds
        last = now
    }

    func rate(now: UInt64) -> Double {
        perSecond / (1 + Double(now - min(now, last)) / 1_000 / GrantRate.spanSeconds)
    }

    /// Seconds until all present waiters of this gateway are granted at the present rate. Up to a quarter is added at
    /// random, so that refused clients do not all return at once.
    /// - Parameter random: any bits.
    public func retryAfterSeconds(waiting: Int, now: UInt64, random: UInt64) -> Int {
        let rate = rate(now: now)
        let seconds = rate > 0 ? min(Double(waiting + 1) / rate, Double(GrantRate.retrySecondsMax)) : 10
        let jitter = seconds / 4 * Double(random % 1_000) / 1_000
        return max(1, min(GrantRate.retrySecondsMax, Int(seconds + jitter + 0.999)))
    }
}
