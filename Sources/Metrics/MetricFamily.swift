/// A metric with all its series, in Prometheus' model.
public struct MetricFamily: Hashable, Sendable {
    public enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// One series and its value.
    public struct Sample: Hashable, Sendable {
        /// `_bucket`, `_sum` and `_count` of a histogram; else empty.
        public let suffix: String
        public let labels: [Label]
        public let value: Double

        public init(_ value: Double, suffix: String = "", labels: [Label] = []) {
            self.value = value
            self.suffix = suffix
            self.labels = labels
        }
    }

    public struct Label: Hashable, Sendable {
        public let name: String
        public let value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public let name: String
    public let help: String
    public let kind: Kind
    public var samples: [Sample]

    public init(_ name: String, _ kind: Kind, _ help: String, samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// A gauge with one series.
    public static func gauge(_ name: String, _ help: String, _ value: some BinaryInteger) -> MetricFamily {
        MetricFamily(name, .gauge, help, samples: [Sample(Double(value))])
    }

    public static func gauge(_ name: String, _ help: String, seconds: Double) -> MetricFamily {
        MetricFamily(name, .gauge, help, samples: [Sample(seconds)])
    }

    /// A gauge with one series for each value of a label, sorted by it.
    /// - Parameter most: beyond so many values, the rest is summed as `other`, the smallest first.
    public static func gauge(
        _ name: String, _ help: String, by label: String, _ values: [String: Int], most: Int = seriesMax
    ) -> MetricFamily {
        var kept = values
        if values.count > most {
            let largest = values.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            kept = Dictionary(uniqueKeysWithValues: largest.prefix(most).map { ($0.key, $0.value) })
            kept[other, default: 0] += largest.dropFirst(most).reduce(0) { $0 + $1.value }
        }
        return MetricFamily(
            name, .gauge, help,
            samples: kept.sorted { $0.key < $1.key }.map { Sample(Double($0.value), labels: [Label(label, $0.key)]) })
    }

    /// A counter with one series.
    public static func counter(_ name: String, _ help: String, _ value: UInt64) -> MetricFamily {
        MetricFamily(name, .counter, help, samples: [Sample(Double(value))])
    }

    /// Most values of a label that strangers choose.
    public static let seriesMax = 512
    /// The label's value for all values beyond that.
    public static let other = "other"
}

/// The families in Prometheus' text format 0.0.4.
public func metricsText(_ families: [MetricFamily]) -> String {
    var text = ""
    for family in families {
        text += "# HELP \(family.name) \(escaped(family.help))\n# TYPE \(family.name) \(family.kind.rawValue)\n"
        for sample in family.samples {
            text += family.name + sample.suffix
            if !sample.labels.isEmpty {
                let labels = sample.labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
                text += "{\(labels.joined(separator: ","))}"
            }
            text += " \(number(sample.value))\n"
        }
    }
    return text
}

private func escaped(_ text: String, quotes: Bool = false) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\\": out += "\\\\"
        case "\n": out += "\\n"
        case "\"" where quotes: out += "\\\""
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out
}

/// A whole number without a fraction, as other exporters write it.
private func number(_ value: Double) -> String {
    if value == .infinity { return "+Inf" }
    if value.isNaN { return "NaN" }
    return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
}
