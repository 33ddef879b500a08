/// The scenario of a run, as its result's file tells it: every parameter, but no key.
public struct Parameters: Codable, Hashable, Sendable {
    public var name, question: String
    public var slots, gateways: Int
    public var durationMilliseconds: Int
    public var rolls: Bool
    public var groups: [Group]
    public var streams: [Stream]

    public struct Group: Codable, Hashable, Sendable {
        public var name: String
        public var tenants: Int
        public var hold, frames: String
        public var thinkMilliseconds: Int
        public var patienceMilliseconds, readBytesASecond: Int?
        public var caps: [Int]
    }

    public struct Stream: Codable, Hashable, Sendable {
        public var arrivals: String
        public var groups: [String]
        /// One weight for each group: that of one of its tenants.
        public var shares: [Double]
    }

    init(_ scenario: Scenario) {
        (name, question, slots) = (scenario.name, scenario.question, scenario.slots)
        (gateways, rolls) = (scenario.gateways, scenario.rolls)
        durationMilliseconds = scenario.durationMicroseconds / 1_000
        groups = scenario.groups.map { name in
            let tenants = scenario.tenants.filter { $0.group == name }
            let one = tenants[0]
            return Group(
                name: name, tenants: tenants.count, hold: one.hold.description, frames: one.frames.name,
                thinkMilliseconds: one.thinkMicroseconds / 1_000,
                patienceMilliseconds: one.patienceMicroseconds.map { $0 / 1_000 },
                readBytesASecond: one.readBytesASecond, caps: Set(tenants.compactMap(\.cap)).sorted())
        }
        streams = scenario.streams.map { stream in
            let names = stream.tenants.map { scenario.tenants[$0].group }
            let firsts = names.indices.filter { $0 == 0 || names[$0] != names[$0 - 1] }
            return Stream(
                arrivals: stream.model.description, groups: firsts.map { names[$0] },
                shares: firsts.map { stream.weights[$0] })
        }
    }
}

extension HoldTime: CustomStringConvertible {
    public var description: String {
        switch self {
        case .constant(let time): "constant \(time / 1_000) ms"
        case .exponential(let mean): "exponential, mean \(mean / 1_000) ms"
        case .uniform(let range): "uniform \(range.lowerBound / 1_000)-\(range.upperBound / 1_000) ms"
        case .lognormal(let median, let p99): "lognormal, median \(median / 1_000) ms, p99 \(p99 / 1_000) ms"
        }
    }
}

extension ArrivalModel: CustomStringConvertible {
    public var description: String {
        switch self {
        case .constant(let rate): "constant \(one(rate))/s"
        case .poisson(let rate): "poisson \(one(rate))/s"
        case .ramp(let from, let to): "ramp \(one(from))/s to \(one(to))/s"
        case .burst(let sessions): "burst of \(sessions)"
        case .closed(let clients): "closed, \(clients) clients"
        }
    }
}
