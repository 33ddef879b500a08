import Configuration

/// Reads a scenario's file.
///
/// ```yaml
/// question: How long does a burst wait?
/// slots: 8
/// arrivals: { burst: 10x }
/// hold: { exponential: 200ms }
/// tenants:
///   acme: { share: 3, cap: 4 }
///   globex: {}
/// ```
/// `arrivals`, `hold`, `frames`, `think`, `patience` and `read` of the file count for tenants without their own.
public struct ScenarioReader {
    private static let keys = [
        "question", "slots", "gateways", "duration", "roll", "tenants", "arrivals", "hold", "frames", "think",
        "patience", "read",
    ]
    private static let tenantKeys = [
        "count", "cap", "share", "token", "arrivals", "hold", "frames", "think", "patience", "read",
    ]
    private static let slotsMax = 100_000
    private static let tenantsMax = 10_000
    private static let gatewaysMax = 16

    private let file: String
    private let values: ScenarioValues

    /// - Parameters:
    ///   - file: the name that problems show.
    ///   - slots: replaces the file's number.
    public static func read(
        _ bytes: [UInt8], name: String, file: String, slots: Int? = nil
    ) throws(ConfigurationProblem) -> Scenario {
        let root = try YAMLReader.read(bytes, file: file)
        return try ScenarioReader(file: file, values: ScenarioValues(file: file)).scenario(root, name, slots)
    }

    private func scenario(
        _ root: ConfigNode, _ name: String, _ slotsWanted: Int?
    ) throws(ConfigurationProblem) -> Scenario {
        let entries = try self.entries(root, known: ScenarioReader.keys)
        guard let question = entries["question"]?.text, !question.isEmpty else {
            throw values.problem(root, "has no `question`: say what a run answers")
        }
        guard let slotsNode = entries["slots"] else {
            throw values.problem(root, "has no `slots`: say how many the system under test offers")
        }
        let slots = try values.whole(slotsNode, 1...ScenarioReader.slotsMax)
        var scenario = Scenario(
            name: name, question: question, slots: slotsWanted ?? slots,
            gateways: try values.whole(entries["gateways"], 1...ScenarioReader.gatewaysMax, else: 1),
            durationMicroseconds: try values.microseconds(entries["duration"]) ?? 0,
            rolls: try values.flag(entries["roll"]), tenants: [], streams: [])
        try readTenants(entries, into: &scenario)
        let needsDuration = scenario.streams.contains { if case .burst = $0.model { false } else { true } }
        if needsDuration, scenario.durationMicroseconds == 0 {
            throw values.problem(root, "has no `duration`: only a burst ends by itself")
        }
        return scenario
    }

    private func readTenants(
        _ common: [String: ConfigNode], into scenario: inout Scenario
    ) throws(ConfigurationProblem) {
        let node = common["tenants"]
        guard let groups = node == nil ? [] : node?.entries else {
            throw values.problem(node!, "`tenants` is a table of names")
        }
        var shared: (tenants: [Int], weights: [Double]) = ([], [])
        for group in groups {
            let own = try entries(group.value, known: ScenarioReader.tenantKeys)
            let first = scenario.tenants.count
            try addTenants(group.key, own, common, to: &scenario)
            let added = Array(first..<scenario.tenants.count)
            let share = try values.positive(own["share"], else: 1)
            let weights = added.map { _ in share }
            if let arrivals = own["arrivals"] {
                try addStream(arrivals, added, weights, to: &scenario)
            } else {
                shared.tenants += added
                shared.weights += weights
            }
        }
        if groups.isEmpty {
            try addTenants("default", [:], common, to: &scenario)
            shared = ([0], [1])
        }
        guard !shared.tenants.isEmpty else { return }
        guard let arrivals = common["arrivals"] else {
            let name = scenario.tenants[shared.tenants[0]].group
            throw ConfigurationProblem(place: file, message: "has no `arrivals`, and nor has the tenant \(name)")
        }
        try addStream(arrivals, shared.tenants, shared.weights, to: &scenario)
    }

    private func addTenants(
        _ name: String, _ own: [String: ConfigNode], _ common: [String: ConfigNode], to scenario: inout Scenario
    ) throws(ConfigurationProblem) {
        func node(_ key: String) -> ConfigNode? { own[key] ?? common[key] }
        let count = try values.whole(own["count"], 1...ScenarioReader.tenantsMax, else: 1)
        let caps = try values.range(own["cap"])
        let one = LoadTenant(
            name: name, group: name, cap: nil, token: own["token"]?.text,
            hold: try values.hold(node("hold")), frames: try values.frames(node("frames")),
            thinkMicroseconds: try values.microseconds(node("think")) ?? 0,
            patienceMicroseconds: try values.microseconds(node("patience")),
            readBytesASecond: try values.bytes(node("read")))
        for number in 0..<count {
            var tenant = one
            if own["count"] != nil { tenant.name = "\(name)-\(number + 1)" }
            // A range of caps goes round: 1-5 gives the sixth tenant 1 again.
            tenant.cap = caps.map { $0.lowerBound + number % $0.count }
            scenario.tenants.append(tenant)
        }
        guard scenario.tenants.count <= ScenarioReader.tenantsMax else {
            throw ConfigurationProblem(place: file, message: "has more than \(ScenarioReader.tenantsMax) tenants")
        }
    }

    private func addStream(
        _ node: ConfigNode, _ tenants: [Int], _ weights: [Double], to scenario: inout Scenario
    ) throws(ConfigurationProblem) {
        let hold = zip(tenants, weights).reduce(0) { $0 + scenario.tenants[$1.0].hold.meanMicroseconds * $1.1 }
        // Sessions a second that the slots can serve.
        let capacity = Double(scenario.slots) * 1e6 / max(hold / weights.reduce(0, +), 1)
        let model = try values.arrivals(node, capacity: capacity, slots: scenario.slots)
        scenario.streams.append(ArrivalStream(model: model, tenants: tenants, weights: weights))
    }

    private func entries(_ node: ConfigNode, known: [String]) throws(ConfigurationProblem) -> [String: ConfigNode] {
        guard let entries = node.entries else { throw values.problem(node, "is no table of keys") }
        var found: [String: ConfigNode] = [:]
        for entry in entries {
            guard known.contains(entry.key) else {
                throw ConfigurationProblem(
                    place: "\(file):\(entry.line)", message: Spelling.unknown("key", entry.key, known: known))
            }
            if !entry.value.isNull { found[entry.key] = entry.value }
        }
        return found
    }
}
