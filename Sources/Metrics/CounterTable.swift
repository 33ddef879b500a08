/// Counters by the values of labels. Values beyond a bound are counted together, because strangers may choose them.
public struct CounterTable: Sendable {
    private let name: String
    private let help: String
    private let labels: [String]
    private let seriesMax: Int
    private var counts: [[String]: UInt64] = [:]

    /// - Parameter zeros: series that exist before their first event, so that a rate is right from the first one on.
    public init(
        _ name: String, _ help: String, by labels: String..., zeros: [[String]] = [],
        most seriesMax: Int = MetricFamily.seriesMax
    ) {
        self.name = name
        self.help = help
        self.labels = labels
        self.seriesMax = seriesMax
        for values in zeros { counts[values] = 0 }
    }

    /// Makes series exist before their first event.
    public mutating func expect(_ values: String...) {
        if counts[values] == nil, counts.count < seriesMax { counts[values] = 0 }
    }

    /// - Parameter values: one for each label, in their order.
    public mutating func add(_ values: String..., by count: UInt64 = 1) {
        var values = values
        if counts[values] == nil, counts.count >= seriesMax {
            values = Array(repeating: MetricFamily.other, count: labels.count)
        }
        counts[values, default: 0] &+= count
    }

    public var family: MetricFamily {
        MetricFamily(
            name, .counter, help,
            samples: counts.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { values, count in
                MetricFamily.Sample(
                    Double(count), labels: zip(labels, values).map { MetricFamily.Label($0, $1) })
            })
    }
}
