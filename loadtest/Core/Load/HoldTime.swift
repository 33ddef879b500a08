import Glibc

/// How long sessions hold their slot, in microseconds.
public enum HoldTime: Hashable, Sendable {
    case constant(Int)
    case exponential(mean: Int)
    case uniform(ClosedRange<Int>)
    /// A long tail: half of the sessions take at most `median`, 99 of 100 at most `p99`.
    case lognormal(median: Int, p99: Int)

    /// The 99 % quantile of the standard normal distribution.
    private static let normalP99 = 2.326_347_874

    /// A week, the longest time that a scenario can name. The tail of a distribution is cut there.
    private static let longest = 7 * 24 * 3_600e6

    /// The mean.
    public var meanMicroseconds: Double {
        switch self {
        case .constant(let time): Double(time)
        case .exponential(let mean): Double(mean)
        case .uniform(let range): Double(range.lowerBound + range.upperBound) / 2
        case .lognormal(let median, let p99):
            Double(median) * exp(HoldTime.deviation(median, p99) * HoldTime.deviation(median, p99) / 2)
        }
    }

    /// One session's time.
    public func drawn(_ random: inout SeededRandom) -> Int {
        switch self {
        case .constant(let time): time
        case .exponential(let mean): Int(min(random.exponential(mean: Double(mean)), HoldTime.longest))
        case .uniform(let range): range.lowerBound + Int(random.next(upperBound: UInt64(range.count)))
        case .lognormal(let median, let p99):
            Int(min(Double(median) * exp(HoldTime.deviation(median, p99) * random.normal()), HoldTime.longest))
        }
    }

    private static func deviation(_ median: Int, _ p99: Int) -> Double {
        log(Double(p99) / Double(median)) / normalP99
    }
}
