import Foundation
import QueueCore
import Testing

/// Random operations, each judged by `audit`, by a full key scan and by the model.
///
/// `BERTH_MODEL_SEEDS=n` runs n seeds instead of the two of CI, `BERTH_MODEL_SEED=s` the seed s alone,
/// `BERTH_MODEL_STEPS=n` n operations each.
@Suite struct ModelTests {
    static var seeds: [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let one = environment["BERTH_MODEL_SEED"].flatMap(UInt64.init) { return [one] }
        return Array(1...UInt64(environment["BERTH_MODEL_SEEDS"].flatMap(Int.init) ?? 2))
    }

    static var steps: Int { ProcessInfo.processInfo.environment["BERTH_MODEL_STEPS"].flatMap(Int.init) ?? 10_000 }

    @Test(arguments: seeds) func randomOperationsAgreeWithTheModel(seed: UInt64) {
        let walk = Walk(seed: seed)
        for step in 1...Self.steps {
            walk.step()
            guard walk.model.complaints.isEmpty else {
                Issue.record(
                    """
                    seed \(seed), step \(step):
                    \(walk.model.complaints.joined(separator: "\n"))
                    after
                    \(walk.recent.joined(separator: "\n"))
                    """)
                return
            }
        }
        print("model: seed \(seed), \(Self.steps) operations, \(walk.grants) grants")
    }
}

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
    var cursor = 0

    static let pools: [[String]] = [
        ["a:b||", "a:b||", "c:d|chromium|1.1"], ["a:b:e||", "c:d|chromium|1.1"], ["f||", "a:b||"],
        ["c:d|chromium|1.2", "f||", "f||"],
    ]
    static let selectors = [
        "||", "a:b||", "a:*||", "a:b:e||", "c:d|chromium|1.1", "|chromium|", "f||", "*||", "a:b:z||",
    ]
    static let tenants = ["a", "b", "c", "d"]

    init(seed: UInt64) {
        random = SplitMix64(state: seed)
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
        let (findings, look) = fleet.auditAndLook(gateways: 3)
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
        case 900..<910: limits(pick(Self.tenants + ["*"])!, Int.random(in: 0...6, using: &random))
        case 910..<945: renewWithRows()
        case 945..<970: time()
        case 970..<980: listen()
        case 980..<984: pause()
        case 984..<988: drainOrLeave()
        default: rejoin()
        }
    }

    // MARK: - Processes

    func join(gateway name: String) {
        generation += 1
        let gateway = Caller("gateway", name, generation: generation)
        callers[gateway.id] = gateway
        fleet.register(gateway)
        model.gateways[gateway.id] = Model.Gateway()
        alive(gateway.id)
        hear(gateway.id, true)
        note("join \(gateway.id)")
        settle()
    }

    func join(worker index: Int) {
        generation += 1
        let worker = Caller("worker", "w\(index)", generation: generation)
        callers[worker.id] = worker
        fleet.register(worker, address: "w\(index):1", pools: Self.pools[index])
        model.workers[worker.id] = Model.Worker(
            slots: Self.pools[index].map { Model.Slot(state: "free", token: .none, lease: nil, pool: Pool($0)!) })
        alive(worker.id)
        note("join \(worker.id)")
        settle()
    }

    func alive(_ id: String) {
        expires[id] = now + QueueLimits.processTTLMilliseconds
        renewed[id] = now
    }

    func hear(_ gateway: String, _ listens: Bool) {
        ears[gateway]?.stop()
        ears[gateway] = listens ? fleet.listen(callers[gateway]!) : nil
        model.gateways[gateway]?.isListening = listens
    }

    func listen() {
        guard let gateway = pick(gateways) else { return }
        hear(gateway, chance(75))
        note("\(gateway) listens: \(model.gateways[gateway]!.isListening)")
    }

    func pause() {
        guard let id = pick(gateways + workers) else { return }
        if chance(30) { paused.insert(id) } else { paused.removeAll() }
        note("paused: \(paused.sorted())")
    }

    func drainOrLeave() {
        if chance(30), let id = pick(gateways) {
            fleet.drain(callers[id]!, leave: true)
            model.endGateway(id)
            note("leave \(id)")
        } else if let id = pick(workers) {
            let leaves = chance(50)
            fleet.drain(callers[id]!, leave: leaves)
            if leaves {
                model.endWorker(id)
            } else {
                model.workers[id]!.isDraining = true
                for index in model.workers[id]!.slots.indices where model.workers[id]!.slots[index].state == "free" {
                    model.workers[id]!.slots[index].state = "draining"
                }
            }
            note("\(leaves ? "leave" : "drain") \(id)")
        }
        settle()
    }

    func rejoin() {
        let gone = ["g1", "g2", "g3"].filter { name in !gateways.contains { $0.hasPrefix(name + ".") } }
        if let name = pick(gone) { return join(gateway: name) }
        let absent = Self.pools.indices.filter { index in
            !model.workers.contains { $0.key.hasPrefix("w\(index).") && !$0.value.isDraining }
        }
        guard let index = pick(absent) else { return }
        // The drained one goes first: it has the address.
        for id in workers where id.hasPrefix("w\(index).") {
            fleet.drain(callers[id]!, leave: true)
            model.endWorker(id)
            settle()
        }
        join(worker: index)
    }

    // MARK: - Time

    func time() {
        fleet.advance(milliseconds: Int.random(in: 100..<2_500, using: &random))
        note("time \(now)")
        for id in gateways + workers where !paused.contains(id) && now - renewed[id]! > 3_000 {
            let caller = callers[id]!
            if caller.kind == "gateway" { fleet.renew(caller) } else { fleet.run("renew", caller, ["worker", "0"]) }
            alive(id)
        }
        sweep()
    }

    func sweep(strict: Bool = true) {
        guard let caller = pick(gateways + workers).map({ callers[$0]! }) else { return }
        repeat {
            let meta = fleet.redis("HMGET", fleet.keys.meta, "nextSweep", "grace", "lastTime").list.map {
                Int($0.string) ?? 0
            }
            let due = now >= meta[0] && now >= meta[1] && now - meta[2] <= 4_000
            let outcome = fleet.sweep(caller)
            note("sweep by \(caller.id), due \(due)")
            if due {
                let late = model.leases.filter { !$0.value.isAccepted && $0.value.grantedAt + 5_000 <= now }.keys
                for id in late {
                    let lease = model.leases[id]!
                    model.endLease(id, to: "recycling")
                    model.mark(model.waiters[lease.waiter]!.gateway, "deadline")
                    model.requeue(lease.waiter)
                }
                for id in gateways where expires[id]! <= now { model.endGateway(id) }
                for id in workers where expires[id]! <= now { model.endWorker(id) }
            }
            settle(strict: strict && outcome.status == "ok")
            if !outcome.moreToDo || outcome.status != "ok" { break }
        } while model.complaints.isEmpty
    }
}

extension Selector {
    init(reading text: String) {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        self.init(pattern: parts[0], browser: parts[1], version: parts[2])!
    }
}

/// Small, seedable, the same everywhere.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
