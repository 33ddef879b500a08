import QueueCore
import TestSupport

/// One random walk through the verbs.
final class Walk {
    let fleet: Fleet
    private let seed: UInt64
    var model = Model()
    var recent: [String] = []
    var grants = 0
    var random: SplitMix64
    var callers: [String: Caller] = [:]
    var ears: [String: Subscriber] = [:]
    var expires: [String: Int] = [:]
    var renewed: [String: Int] = [:]
    var paused: Set<String> = []
    var generation: UInt64 = 0

    static let pools: [[String]] = [
        ["a:b|||raw", "a:b|||raw", "c:d|chromium|1.1|raw"], ["a:b:e|||raw", "c:d|chromium|1.1|raw"],
        ["f|||raw", "a:b|||raw"],
        ["c:d|chromium|1.2|raw", "f|||raw", "f|||raw"],
    ]
    static let selectors = [
        "|||raw", "a:b|||raw", "a:*|||raw", "a:b:e|||raw", "c:d|chromium|1.1|raw", "|chromium||raw", "f|||raw",
        "*|||raw", "a:b:z|||raw",
    ]
    static let tenants = ["a", "b", "c", "d"]

    /// - Parameter onCall: told of each call before it is made, and of the gateways that listen.
    /// - Parameter plant: changes a script, by its name.
    init(
        seed: UInt64, plant: ((String, String) -> String)? = nil, onCall: ((RecordedCall) -> Void)? = nil
    ) {
        self.seed = seed
        random = SplitMix64(state: seed)
        fleet = Fleet(plant: plant)
        if let onCall {
            fleet.onCall = { [unowned self] script, arguments in
                onCall(
                    RecordedCall(
                        script: script, arguments: arguments, clock: fleet.clock, listeners: ears.keys.sorted()))
            }
        }
        fleet.auditsEachStep = false
        for name in ["g1", "g2", "g3"] { join(gateway: name) }
        for index in Self.pools.indices { join(worker: index) }
        limits("a", 1)
        limits("b", 2)
        limits("c", 3)
    }

    func pick<C: Collection>(_ from: C) -> C.Element? {
        from.isEmpty ? nil : from.randomElement(using: &random)
    }
    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    var now: Int { fleet.milliseconds }
    var gateways: [String] { model.gateways.keys.sorted() }
    var workers: [String] { model.workers.keys.sorted() }

    func note(_ text: String) {
        recent.append(text)
        if recent.count > 60 { recent.removeFirst() }
    }

    /// After each verb: nothing found, and both agree.
    func settle(ownWaiter: String? = nil, ownMail: String? = nil, strict: Bool = true) {
        let (findings, look) = fleet.auditAndLook()
        let before = model.leases.count
        model.follow(look, now: now, ownWaiter: ownWaiter, ownMail: ownMail, strict: strict && look.todo.isEmpty)
        grants += max(0, model.leases.count - before)
        model.complaints += look.findings + findings + model.differences(look)
    }

    /// Makes a step by that number's own dice: any choice of steps is a walk.
    func step(_ number: Int) {
        random = SplitMix64(state: seed &* 0x2545_F491_4F6C_DD1D &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
        fleet.advance(milliseconds: Int.random(in: 0..<20, using: &random))
        switch Int.random(in: 0..<1_000, using: &random) {
        case 0..<260: enqueue()
        case 260..<310: cancel()
        case 310..<460: accept()
        case 460..<580: release()
        case 580..<740: ready()
        case 740..<770: reject()
        case 770..<850: collect()
        case 850..<900: probed()
        case 900..<908: limits(pick(Self.tenants + ["*"])!, Int.random(in: 0...6, using: &random))
        case 908..<912: policy()
        case 912..<917: pausePool()
        case 917..<945: renewWithRows()
        case 945..<970: time()
        case 970..<980: listen()
        case 980..<984: pause()
        case 984..<988: drainOrLeave()
        case 988..<992: finish()
        default: rejoin()
        }
    }
}

extension Walk {
    /// What the first complaint is about: its promise, or what differs.
    var kind: String { String(model.complaints.first?.prefix { $0 != " " } ?? "") }

    var told: String {
        "\(model.complaints.joined(separator: "\n"))\nafter\n\(recent.joined(separator: "\n"))"
    }

    /// How a walk of these steps fails, and which of them it took to.
    static func failure(
        seed: UInt64, _ steps: [Int], plant: ((String, String) -> String)? = nil
    ) -> (kind: String, steps: [Int])? {
        let walk = Walk(seed: seed, plant: plant)
        for (count, step) in steps.enumerated() {
            walk.step(step)
            if !walk.model.complaints.isEmpty { return (walk.kind, Array(steps[...count])) }
        }
        return nil
    }
}

extension Selector {
    init(reading text: String) {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        self.init(pattern: parts[0], browser: parts[1], version: parts[2])!
    }
}
