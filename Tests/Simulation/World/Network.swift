/// What lies between the machines: how long a message takes, and who cannot reach whom.
///
/// A cut is silent, as a dropped route is: what was sent arrives when the cut has healed, for TCP sends it again.
final class Network {
    struct Latency {
        var least: Int64 = 100
        var most: Int64 = 1_500
        /// So many messages in a thousand take up to `spike` instead.
        var spikesPerMille = 0
        var spike: Int64 = 0
    }

    let timeline: Timeline
    var chance: Chance
    var latency = Latency()
    /// A connection broke by itself.
    var onBreak: () -> Void = {}
    private var cuts: Set<String> = []
    private var stalled: [(pair: String, resume: () -> Void)] = []

    init(timeline: Timeline, seed: UInt64) {
        self.timeline = timeline
        chance = Chance(seed: seed, stream: "network")
    }

    func delay() -> Int64 {
        if chance.happens(perMille: latency.spikesPerMille) { return chance.number(latency.most...latency.spike) }
        return chance.number(latency.least...latency.most)
    }

    func isCut(_ one: String, _ other: String) -> Bool { !cuts.isEmpty && cuts.contains(Network.pair(one, other)) }

    func cut(_ one: String, _ other: String) { cuts.insert(Network.pair(one, other)) }

    func heal(_ one: String, _ other: String) {
        let pair = Network.pair(one, other)
        guard cuts.remove(pair) != nil else { return }
        let lanes = stalled.filter { $0.pair == pair }
        stalled.removeAll { $0.pair == pair }
        // A sender that was answered nothing tries again after ever longer times: each connection has its own.
        for lane in lanes { timeline.after(chance.number(0...milliseconds(3_000)), lane.resume) }
    }

    func healAll() {
        for pair in cuts.sorted() {
            let hosts = pair.split(separator: " ").map(String.init)
            heal(hosts[0], hosts[1])
        }
    }

    fileprivate func whenHealed(_ one: String, _ other: String, _ resume: @escaping () -> Void) {
        stalled.append((Network.pair(one, other), resume))
    }

    private static func pair(_ one: String, _ other: String) -> String {
        one < other ? "\(one) \(other)" : "\(other) \(one)"
    }
}

/// One direction of a connection. Nothing overtakes, and nothing is lost but by `lose`; a cut holds it up.
final class Lane {
    private let network: Network
    private let from: String
    private let to: String
    private var lastArrival: Int64 = 0
    private var held: [() -> Void] = []
    private var isStalled = false
    /// Of what is under way so many still arrive; nil: all.
    private var left: Int?

    init(_ network: Network, from: String, to: String) {
        self.network = network
        self.from = from
        self.to = to
    }

    func send(_ body: @escaping () -> Void) {
        lastArrival = max(lastArrival + 1, network.timeline.now + network.delay())
        network.timeline.at(lastArrival) { [self] in
            if isStalled {
                held.append(body)
            } else if network.isCut(from, to) {
                held.append(body)
                stall()
            } else {
                deliver(body)
            }
        }
    }

    /// The connection breaks: of what is under way the first `count` messages still arrive.
    func lose(after count: Int) { left = min(left ?? count, count) }

    private func deliver(_ body: () -> Void) {
        if let count = left {
            if count == 0 { return }
            left = count - 1
        }
        body()
    }

    private func stall() {
        isStalled = true
        network.whenHealed(from, to) { [self] in
            if network.isCut(from, to) { return stall() }
            isStalled = false
            let bodies = held
            held = []
            for body in bodies { deliver(body) }
        }
    }
}
