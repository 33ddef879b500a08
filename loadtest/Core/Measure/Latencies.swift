import Histogram

/// Times in microseconds, with three significant digits, up to an hour (HdrHistogram).
public struct Latencies: Sendable {
    private static let longest: UInt64 = 3_600_000_000
    private static let percentiles = [50, 90, 95, 99, 99.9]

    private var histogram: Histogram<UInt32>

    /// - Parameter digits: two significant digits take a tenth of the memory of three.
    public init(digits: SignificantDigits = .three) {
        histogram = Histogram(highestTrackableValue: Latencies.longest, numberOfSignificantValueDigits: digits)
    }

    public private(set) var sum = 0
    public var count: Int { Int(histogram.totalCount) }

    public mutating func record(_ microseconds: Int) {
        sum += max(0, microseconds)
        histogram.record(min(UInt64(max(0, microseconds)), Latencies.longest))
    }

    /// Milliseconds; 0 without a value.
    public func milliseconds(atPercentile percentile: Double) -> Double {
        count == 0 ? 0 : Double(histogram.valueAtPercentile(percentile)) / 1_000
    }

    public var summary: LatencySummary {
        let at = Latencies.percentiles.map(milliseconds)
        return LatencySummary(
            count: count, mean: count == 0 ? 0 : Double(sum) / Double(count) / 1_000, p50: at[0], p90: at[1],
            p95: at[2], p99: at[3], p999: at[4], max: count == 0 ? 0 : Double(histogram.maxRecorded) / 1_000)
    }

    /// The share of values up to each value that was recorded, for a distribution's curve.
    public var curve: [CurvePoint] {
        var below = 0
        return histogram.recordedValues().map {
            below += Int($0.count)
            return CurvePoint(ms: Double($0.value) / 1_000, share: Double(below) / Double(count))
        }
    }
}

/// Milliseconds.
public struct LatencySummary: Codable, Hashable, Sendable {
    public var count: Int
    public var mean, p50, p90, p95, p99, p999, max: Double
}

/// A point of a distribution: this share of all values is at most `ms`.
public struct CurvePoint: Codable, Hashable, Sendable {
    public var ms: Double
    public var share: Double
}
