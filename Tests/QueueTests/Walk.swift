import QueueCore
import TestSupport

/// One random walk through the verbs.
final class Walk {
    let fleet = Fleet()
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
        ["a:b||", "a:b||", "c:d|chromium|1.1"], ["a:b:e||", "c:d|chromium|1.1"], ["f||", "a:b||"],
        ["c:d|chromium|1.2", "f||", "f||"],
    ]
    static let selectors = [
        "||", "a:b||", "a:*||", "a:b:e||", "c:d|chromium|1.1", "|chromium|", "f||", "*||", "a:b:z||",
    ]
    static let tenants = ["a", "b", "c", "d"]

    /// - Parameter onCall: see `Fleet`.
    init(seed: UInt64, onCall: ((String, [String], Int) -> Void)? = nil) {
        random = SplitMix64(state: seed)
        fleet.onCall = onCall
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
        if recent.count > 30 { recent.removeFirst() }
    }

    /// After each verb: nothing found, and both agree.
    func settle(ownWaiter: String? = nil, ownMail: String? = nil, strict: Bool = true) {
        let (findings, look) = fleet.auditAndLook()
        let before = model.leases.count
        model.follow(look, now: now, ownWaiter: ownWaiter, ownMail: ownMail, strict: strict && look.todo.isEmpty)
        grants += max(0, model.leases.count - before)
        model.complaints += look.findings + findings + model.differences(look)
    }

    func step() {
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
        default: rejoin()
        }
    }
}

extension Selector {
    init(reading text: String) {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        self.init(pattern: parts[0], browser: parts[1], version: parts[2])!
    }
}
