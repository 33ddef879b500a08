import Configuration

/// Reads the values of a scenario's file.
struct ScenarioValues {
    private static let models = ["constant", "poisson", "ramp", "burst", "closed"]
    private static let holds = ["constant", "exponential", "uniform", "lognormal"]
    private static let clientsMax = 1_000_000
    private static let rateMax = 1e6
    private static let messagesMax = 1_000_000
    private static let messageBytesMax = 16 << 20

    let file: String

    func problem(_ node: ConfigNode, _ message: String) -> ConfigurationProblem {
        ConfigurationProblem(place: "\(file):\(node.line)", message: message)
    }

    func whole(_ node: ConfigNode, _ range: ClosedRange<Int>) throws(ConfigurationProblem) -> Int {
        guard let value = node.text.flatMap({ Int($0) }), range.contains(value) else {
            throw problem(node, "is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func whole(_ node: ConfigNode?, _ range: ClosedRange<Int>, else other: Int) throws(ConfigurationProblem) -> Int {
        guard let node else { return other }
        return try whole(node, range)
    }

    func flag(_ node: ConfigNode?) throws(ConfigurationProblem) -> Bool {
        guard let node else { return false }
        switch node.text {
        case "true": return true
        case "false": return false
        default: throw problem(node, "is true or false")
        }
    }

    func positive(_ node: ConfigNode?, else other: Double) throws(ConfigurationProblem) -> Double {
        guard let node else { return other }
        guard let value = node.text.flatMap({ Double($0) }), value > 0, value < 1e9 else {
            throw problem(node, "is a number above 0")
        }
        return value
    }

    /// `3`, or `1-5`.
    func range(_ node: ConfigNode?) throws(ConfigurationProblem) -> ClosedRange<Int>? {
        guard let node else { return nil }
        let parts = (node.text ?? "").split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map {
            Int($0)
        }
        guard let low = parts.first ?? nil, let high = parts.last ?? nil, low >= 1, low <= high,
            high <= ScenarioValues.clientsMax
        else { throw problem(node, "is a number from 1, or a range like 1-5") }
        return low...high
    }

    func microseconds(_ node: ConfigNode?) throws(ConfigurationProblem) -> Int? {
        guard let node else { return nil }
        guard let time = node.text.flatMap(DurationText.milliseconds) else {
            throw problem(node, "is a time like 200ms, 30s or 5m")
        }
        return time * 1_000
    }

    func bytes(_ node: ConfigNode?) throws(ConfigurationProblem) -> Int? {
        guard let node else { return nil }
        guard let bytes = node.text.flatMap(BytesText.bytes), bytes > 0 else {
            throw problem(node, "is a number of bytes a second like 64K or 1M")
        }
        return bytes
    }

    func hold(_ node: ConfigNode?) throws(ConfigurationProblem) -> HoldTime {
        guard let node else { return .constant(0) }
        if case .scalar = node.content { return .constant(try microseconds(node) ?? 0) }
        let (kind, value) = try choice(node, ScenarioValues.holds)
        switch kind {
        case "constant": return .constant(try microseconds(value) ?? 0)
        case "exponential": return .exponential(mean: try microseconds(value) ?? 0)
        default:
            let (low, high) = try pair(value)
            let (least, most) = (try microseconds(low) ?? 0, try microseconds(high) ?? 0)
            guard least > 0, least <= most else { throw problem(value, "is two times, the shorter one first") }
            return kind == "uniform" ? .uniform(least...most) : .lognormal(median: least, p99: most)
        }
    }

    /// - Parameters:
    ///   - capacity: sessions a second that the slots can serve. A rate like `80%` is a part of it.
    ///   - slots: a burst like `10x` is a multiple of it.
    func arrivals(_ node: ConfigNode, capacity: Double, slots: Int) throws(ConfigurationProblem) -> ArrivalModel {
        let (kind, value) = try choice(node, ScenarioValues.models)
        switch kind {
        case "constant": return .constant(perSecond: try rate(value, capacity))
        case "poisson": return .poisson(perSecond: try rate(value, capacity))
        case "closed": return .closed(clients: try whole(value, 1...ScenarioValues.clientsMax))
        case "burst":
            guard let text = value.text, text.hasSuffix("x") else {
                return .burst(sessions: try whole(value, 1...ScenarioValues.clientsMax))
            }
            guard let times = Double(text.dropLast()), times > 0, times * Double(slots) <= 1e6 else {
                throw problem(value, "is a number of sessions, or a multiple of the slots like 10x")
            }
            return .burst(sessions: max(1, Int(times * Double(slots))))
        default:
            let (from, to) = try pair(value)
            return .ramp(from: try rate(from, capacity), to: try rate(to, capacity))
        }
    }

    func frames(_ node: ConfigNode?) throws(ConfigurationProblem) -> FrameMix {
        guard let node else { return .none }
        if let text = node.text {
            guard let mix = [FrameMix.none, .playwright, .cdp].first(where: { $0.name == text }) else {
                throw problem(node, Spelling.unknown("mix of frames", text, known: ["none", "playwright", "cdp"]))
            }
            return mix
        }
        var found: [String: Int] = [:]
        for entry in node.entries ?? [] {
            let most = entry.key == "count" ? ScenarioValues.messagesMax : ScenarioValues.messageBytesMax
            found[entry.key] = try whole(entry.value, 1...most)
        }
        guard let count = found["count"], let bytes = found["bytes"], found.count == 2 else {
            throw problem(node, "is none, playwright, cdp, or { count: 100, bytes: 64 }")
        }
        return .even(count: count, bytes: bytes)
    }

    private func rate(_ node: ConfigNode, _ capacity: Double) throws(ConfigurationProblem) -> Double {
        let text = node.text ?? ""
        let value = Double(
            text.hasSuffix("%") || text.hasSuffix("/s") ? text.dropLast(text.hasSuffix("%") ? 1 : 2) : "")
        let rate = (value ?? 0) * (text.hasSuffix("%") ? capacity / 100 : 1)
        guard rate > 0, rate <= ScenarioValues.rateMax else {
            throw problem(node, "is a rate like 40/s, or a part of what the slots can serve like 80%")
        }
        return rate
    }

    /// The one key of a table, and its value.
    private func choice(_ node: ConfigNode, _ known: [String]) throws(ConfigurationProblem) -> (String, ConfigNode) {
        guard let entries = node.entries, entries.count == 1 else {
            throw problem(node, "is a table with one of the keys \(known.joined(separator: ", "))")
        }
        guard known.contains(entries[0].key) else {
            throw problem(node, Spelling.unknown("key", entries[0].key, known: known))
        }
        return (entries[0].key, entries[0].value)
    }

    private func pair(_ node: ConfigNode) throws(ConfigurationProblem) -> (ConfigNode, ConfigNode) {
        guard case .sequence(let items) = node.content, items.count == 2 else {
            throw problem(node, "is a list of two, like [100ms, 300ms]")
        }
        return (items[0], items[1])
    }
}
