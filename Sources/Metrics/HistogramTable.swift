/// Histograms of seconds by the value of one label, or one histogram without a label.
public struct HistogramTable: Sendable {
    private struct Histogram: Sendable {
        /// One for each bound, and one for the values beyond the last.
        var counts: [UInt64]
        var sum = 0.0
    }

    private let name: String
    private let help: String
    private let label: String?
    private let bounds: [Double]
    private var histograms: [String: Histogram] = [:]

    /// - Parameters:
    ///   - bounds: the upper ends of the buckets, in seconds, rising.
    ///   - zeros: values of the label that exist before their first observation.
    public init(_ name: String, _ help: String, by label: String? = nil, bounds: [Double], zeros: [String] = []) {
        self.name = name
        self.help = help
        self.label = label
        self.bounds = bounds
        for value in label == nil ? [""] : zeros {
            histograms[value] = Histogram(counts: Array(repeating: 0, count: bounds.count + 1))
        }
    }

    public mutating func observe(_ seconds: Double, _ value: String = "") {
        let key = histograms[value] == nil && histograms.count >= MetricFamily.seriesMax ? MetricFamily.other : value
        let bucket = bounds.firstIndex { seconds <= $0 } ?? bounds.count
        histograms[key, default: Histogram(counts: Array(repeating: 0, count: bounds.count + 1))].counts[bucket] += 1
        histograms[key]?.sum += seconds
    }

    public var family: MetricFamily {
        MetricFamily(
            name, .histogram, help,
            samples: histograms.sorted { $0.key < $1.key }.flatMap { value, histogram in
                samples(histogram, label.map { [MetricFamily.Label($0, value)] } ?? [])
            })
    }

    private func samples(_ histogram: Histogram, _ labels: [MetricFamily.Label]) -> [MetricFamily.Sample] {
        var total: UInt64 = 0
        var samples: [MetricFamily.Sample] = []
        for (index, count) in histogram.counts.enumerated() {
            total += count
            let bound = index < bounds.count ? "\(bounds[index])" : "+Inf"
            samples.append(
                MetricFamily.Sample(
                    Double(total), suffix: "_bucket", labels: labels + [MetricFamily.Label("le", bound)]))
        }
        samples.append(MetricFamily.Sample(histogram.sum, suffix: "_sum", labels: labels))
        samples.append(MetricFamily.Sample(Double(total), suffix: "_count", labels: labels))
        return samples
    }
}
