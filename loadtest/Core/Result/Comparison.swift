import Glibc

/// Two runs side by side: the ratio of each figure, with an interval that holds the true ratio in 95 of 100 cases.
public struct Comparison: Sendable {
    public struct Row: Sendable {
        public let name: String
        /// Milliseconds.
        public let before, after: Double
        /// The second run's figure divided by the first one's.
        public let ratio: Double
        public let interval: ClosedRange<Double>

        public var verdict: String {
            if interval.upperBound < 1 { return "shorter" }
            return interval.lowerBound > 1 ? "longer" : "no difference shown"
        }
    }

    /// Resamplings. The interval's ends are the 50th lowest and the 50th highest ratio.
    private static let resamplings = 2_000

    public let rows: [Row]

    /// - Returns: nil if a run has no waits.
    public init?(before: RunResult, after: RunResult, seed: UInt64 = 1) {
        guard let first = Bootstrap(before.waitSamples), let second = Bootstrap(after.waitSamples) else { return nil }
        var random = SeededRandom(seed: seed)
        let pairs = (0..<Comparison.resamplings).map { _ in
            (first.resampled(&random), second.resampled(&random))
        }
        let figures: [(String, (Bootstrap.Figures) -> Double)] = [
            ("mean wait", \.mean), ("p50", \.p50), ("p90", \.p90), ("p99", \.p99),
        ]
        rows = figures.map { name, figure in
            // A wait is never 0, but its microseconds may be.
            let ratios = pairs.map { max(figure($0.1), 1) / max(figure($0.0), 1) }.sorted()
            let edge = Comparison.resamplings * 25 / 1_000
            let (one, other) = (figure(first.figures), figure(second.figures))
            return Row(
                name: name, before: one / 1_000, after: other / 1_000, ratio: max(other, 1) / max(one, 1),
                interval: ratios[edge]...ratios[ratios.count - 1 - edge])
        }
    }
}

/// Draws samples like the given ones, in blocks of neighbours: the waits of neighbours in a queue depend on each other,
/// so single draws would promise too narrow an interval (the moving block bootstrap: Künsch 1989).
struct Bootstrap: Sendable {
    struct Figures: Sendable { let mean, p50, p90, p99: Double }

    private let values: [Int]
    /// The place of each sample among the sorted different values.
    private let places: [Int]
    private let block: Int
    private let count: Int

    init?(_ samples: [Int]) {
        guard !samples.isEmpty else { return nil }
        let values = Set(samples).sorted()
        let byValue = Dictionary(uniqueKeysWithValues: values.enumerated().map { ($1, $0) })
        self.values = values
        places = samples.map { byValue[$0] ?? 0 }
        count = samples.count
        block = max(1, Int(Double(count).squareRoot()))
    }

    var figures: Figures {
        var counts = [Int](repeating: 0, count: values.count)
        for place in places { counts[place] += 1 }
        return figures(of: counts, total: count)
    }

    func resampled(_ random: inout SeededRandom) -> Figures {
        var counts = [Int](repeating: 0, count: values.count)
        var drawn = 0
        while drawn < count {
            let start = Int(random.next(upperBound: UInt64(count - block + 1)))
            for place in places[start..<start + min(block, count - drawn)] { counts[place] += 1 }
            drawn += block
        }
        return figures(of: counts, total: count)
    }

    private func figures(of counts: [Int], total: Int) -> Figures {
        let wanted = [0.5, 0.9, 0.99].map { Int((Double(total) * $0).rounded(.up)) }
        var found: [Double] = []
        var (below, sum) = (0, 0)
        for (value, count) in zip(values, counts) where count > 0 {
            below += count
            sum += value * count
            while found.count < wanted.count, below >= wanted[found.count] { found.append(Double(value)) }
        }
        return Figures(mean: Double(sum) / Double(total), p50: found[0], p90: found[1], p99: found[2])
    }
}
