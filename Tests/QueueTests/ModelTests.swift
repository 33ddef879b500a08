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
    private var random: SplitMix64
    private var callers: [String: Caller] = [:]
    private var ears: [String: Subscriber] = [:]
    private var expires: [String: Int] = [:]
    private var renewed: [String: Int] = [:]
    private var paused: Set<String> = []
    private var generation: UInt64 = 0
    private var cursor = 0

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

    private func pick<C: Collection>(_ from: C) -> C.Element? {
        from.isEmpty ? nil : from.randomElement(using: &random)
    }
    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    private var now: Int { fleet.milliseconds }
    private var gateways: [String] { model.gateways.keys.sorted() }
    private var workers: [String] { model.workers.keys.sorted() }

    private func note(_ text: String) {
        recent.append(text)
        if recent.count > 30 { recent.removeFirst() }
    }

    /// After each verb: nothing found, and both agree.
    private func settle(ownWaiter: String? = nil, ownMail: String? = nil, strict: Bool = true) {
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

    private func join(gateway name: String) {
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

    private func join(worker index: Int) {
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

    private func alive(_ id: String) {
        expires[id] = now + QueueLimits.processTTLMilliseconds
        renewed[id] = now
    }

    private func hear(_ gateway: String, _ listens: Bool) {
        ears[gateway]?.stop()
        ears[gateway] = listens ? fleet.listen(callers[gateway]!) : nil
        model.gateways[gateway]?.isListening = listens
    }

    private func listen() {
        guard let gateway = pick(gateways) else { return }
        hear(gateway, chance(75))
        note("\(gateway) listens: \(model.gateways[gateway]!.isListening)")
    }

    private func pause() {
        guard let id = pick(gateways + workers) else { return }
        if chance(30) { paused.insert(id) } else { paused.removeAll() }
        note("paused: \(paused.sorted())")
    }

    private func drainOrLeave() {
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

    private func rejoin() {
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

    private func time() {
        fleet.advance(milliseconds: Int.random(in: 100..<2_500, using: &random))
        note("time \(now)")
        for id in gateways + workers where !paused.contains(id) && now - renewed[id]! > 3_000 {
            let caller = callers[id]!
            if caller.kind == "gateway" { fleet.renew(caller) } else { fleet.run("renew", caller, ["worker", "0"]) }
            alive(id)
        }
        sweep()
    }

    private func sweep(strict: Bool = true) {
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

    // MARK: - Gateways

    private func enqueue() {
        guard let gateway = pick(gateways), model.waiters.count < 60 else { return }
        let (id, tenant, text) = (fleet.newWaiter(), pick(Self.tenants)!, pick(Self.selectors)!)
        let selector = Selector(reading: text)
        let head = chance(20) ? Int.random(in: 1...9, using: &random) : 0
        let waits = chance(85)
        let outcome = fleet.enqueue(callers[gateway]!, id, tenant: tenant, text, head: head, wait: waits)
        note("enqueue \(id) \(tenant) \(text) by \(gateway): \(outcome.status) \(outcome.text(0))")
        let bound = tenant == "c" ? 5 : 0
        var trial = model
        trial.waiters[id] = Model.Waiter(
            tenant: tenant, selector: selector, gateway: gateway,
            score: outcome.ticket - min(head, bound) * 1_000_000, state: "queued", lease: nil)
        if outcome.status == "refused" {
            let served = model.workers.values.contains { $0.slots.contains { selector.rank(of: $0.pool) != nil } }
            let waiting = model.waiters.values.count { $0.tenant == tenant && $0.state == "queued" }
            switch outcome.text(0) {
            case "unknown_pool", "version_mismatch":
                if served { model.complaints.append("refused though served") }
            case "tenant_queue_full":
                if waiting < 12 { model.complaints.append("refused below queueMax") }
                fallthrough
            case "would_wait":
                let open = model.freePools.contains { selector.rank(of: $0) != nil }
                if open, trial.eligible.contains(where: { $0.id == id }) {
                    model.complaints.append("refused though free")
                }
            default: model.complaints.append("refused: \(outcome.text(0))")
            }
        } else {
            model = trial
        }
        settle(ownWaiter: id)
        if outcome.status == "granted", model.waiters[id]?.state != "granted" {
            model.complaints.append("told granted, is not")
        }
        if chance(5), outcome.status != "refused" {
            let again = fleet.enqueue(callers[gateway]!, id, tenant: tenant, text, head: head, wait: waits)
            if again.values != outcome.values || again.status != outcome.status {
                model.complaints.append("enqueue again: \(again) after \(outcome)")
            }
            settle()
        }
    }

    private func cancel() {
        guard let id = pick(model.waiters.keys.sorted()), let waiter = model.waiters[id],
            model.gateways[waiter.gateway] != nil
        else { return }
        let dialed = waiter.state == "granted" && chance(50)
        let lease = waiter.lease ?? ""
        note("cancel \(id) \(waiter.state) dialed \(dialed)")
        for _ in 0..<(chance(10) ? 2 : 1) {
            fleet.cancel(callers[waiter.gateway]!, id, lease: dialed ? lease : "", dialed: dialed)
            if model.waiters[id] != nil {
                if waiter.lease != nil {
                    model.endLease(lease, to: dialed || waiter.state == "accepted" ? "recycling" : "free")
                }
                model.waiters[id] = nil
            }
            settle()
        }
    }

    private func collect() {
        guard let gateway = pick(gateways) else { return }
        let outcome = fleet.collect(callers[gateway]!)
        note("collect by \(gateway)")
        if !["", "claim"].contains(model.gateways[gateway]!.mark) { model.unmark(gateway) }
        settle(ownMail: gateway)
        // Nothing is acknowledged here but at random, so that the mailbox is what is granted.
        let pending = model.leases.filter { !$0.value.isAccepted && model.waiters[$0.value.waiter]?.gateway == gateway }
        if outcome.grants.contains(where: { pending[$0.lease.description] == nil }) {
            model.complaints.append("mail that is over")
        }
    }

    private func probed() {
        guard let gateway = pick(gateways), let worker = pick(workers) else { return }
        let passed = chance(75)
        fleet.probed(callers[gateway]!, callers[worker]!, passed)
        note("probed \(worker) by \(gateway): \(passed)")
        model.probed(gateway, worker, passed)
        settle()
    }

    private func limits(_ tenant: String, _ cap: Int) {
        guard let caller = pick(gateways).map({ callers[$0]! }) else { return }
        let cap = tenant == "*" && chance(50) ? 1_000 : cap
        fleet.cap(caller, tenant, cap, queueMax: 12, priority: tenant == "c" ? 5 : 0)
        note("limits \(tenant) \(cap)")
        if tenant == "*" { model.defaultCap = cap } else { model.caps[tenant] = cap }
        settle(strict: tenant != "*")
        while !fleet.look().todo.isEmpty, model.complaints.isEmpty { sweep(strict: false) }
        settle()
    }

    private func reject() {
        guard let id = pick(model.leases.keys.sorted()), let lease = model.leases[id],
            let waiter = model.waiters[lease.waiter]
        else { return }
        let grant = grant(id, lease)
        if chance(50), model.gateways[waiter.gateway] != nil {
            let reason = pick([RejectReason.unreachable, .local, .occupied, .failed])!
            let final = chance(20)
            let outcome = fleet.reject(callers[waiter.gateway]!, grant, reason, final: final)
            note("reject \(id) by \(waiter.gateway) \(reason) \(final): \(outcome.status)")
            model.endLease(id, to: reason == .local ? "free" : "recycling")
            if reason == .unreachable { model.claim(waiter.gateway, unreachable: lease.worker) }
            if final, !model.anybodyFits(waiter.selector, for: waiter.gateway) {
                model.waiters[lease.waiter] = nil
                if outcome.status != "nobody_else" { model.complaints.append("somebody else?") }
            } else {
                model.requeue(lease.waiter)
                if outcome.status != "requeued" { model.complaints.append("not requeued: \(outcome.status)") }
            }
        } else if let worker = callers[lease.worker] {
            let reason = pick([RejectReason.stale, .occupied, .gone, .failed])!
            let free = reason == .stale && chance(50)
            let last = Token(
                epoch: lease.token.epoch, number: lease.token.number + Int64.random(in: 0..<3, using: &random))
            fleet.reject(byWorker: worker, grant, reason, slotFree: free, last: last)
            note("reject \(id) by \(worker.id) \(reason)")
            model.endLease(id, to: free ? "free" : "recycling")
            if reason == .gone { model.mark(waiter.gateway, "gone") }
            model.requeue(lease.waiter)
        }
        settle()
    }

    // MARK: - Workers

    private func grant(_ id: String, _ lease: Model.Lease) -> Grant {
        Grant(
            lease: LeaseID(id)!, worker: ProcessID(lease.worker)!, slot: lease.slot, address: "-", pool: "-",
            token: lease.token)
    }

    private func accept() {
        let open = model.leases.filter { !$0.value.isAccepted }
        guard let id = pick(open.keys.sorted()), let lease = open[id] else { return }
        let outcome = fleet.accept(callers[lease.worker]!, grant(id, lease))
        note("accept \(id): \(outcome.status)")
        if outcome.status != "accepted" { model.complaints.append("not accepted") }
        model.accept(id)
        settle()
    }

    private func release() {
        let taken = model.leases.filter(\.value.isAccepted)
        guard let id = pick(taken.keys.sorted()), let lease = taken[id] else { return }
        fleet.release(callers[lease.worker]!, grant(id, lease))
        note("release \(id)")
        model.endLease(id, to: "recycling")
        model.waiters[lease.waiter] = nil
        settle()
    }

    private func ready() {
        let open = workers.flatMap { id in
            model.workers[id]!.slots.indices.filter { model.workers[id]!.slots[$0].state == "recycling" }.map {
                (id, $0)
            }
        }
        guard let (id, index) = pick(open) else { return }
        let token = model.workers[id]!.slots[index].token
        let late = chance(5) && token.number > 0
        let told = late ? Token(epoch: token.epoch, number: token.number - 1) : token
        let outcome = fleet.ready(callers[id]!, slot: index, told)
        note("ready \(id)/\(index) \(told): \(outcome.status)")
        if late {
            if outcome.status != "later" { model.complaints.append("an older token frees nothing") }
        } else {
            free(id, index)
        }
        settle()
    }

    private func free(_ id: String, _ index: Int) {
        model.workers[id]!.slots[index].state = model.workers[id]!.isDraining ? "draining" : "free"
    }

    /// What the worker says of its slots, with a lost accept, release or ready now and then.
    private func renewWithRows() {
        guard let id = pick(workers) else { return }
        var rows: [String] = []
        for (index, slot) in model.workers[id]!.slots.enumerated() {
            switch slot.state {
            case "leased":
                let lease = model.leases[slot.lease!]!
                let tenant = model.waiters[lease.waiter]!.tenant
                if !lease.isAccepted && chance(60) {
                    // A young lease the worker has not seen: its row shows the token before.
                    rows.append(fleet.row(index, "free", Token(epoch: slot.token.epoch, number: slot.token.number - 1)))
                } else if lease.isAccepted && chance(15) {
                    rows.append(fleet.row(index, "recycling", slot.token))
                    model.endLease(slot.lease!, to: "recycling")
                    model.requeue(lease.waiter)
                } else {
                    rows.append(fleet.row(index, "leased", slot.token, LeaseID(slot.lease!), tenant: tenant))
                    if !lease.isAccepted { model.accept(slot.lease!) }
                }
            case "free":
                let state = pick(["free", "free", "free", "free", "free", "free", "recycling", "out"])!
                rows.append(fleet.row(index, state, slot.token))
                model.workers[id]!.slots[index].state = state
            case "recycling", "out":
                let ready = chance(slot.state == "out" ? 60 : 20)
                rows.append(fleet.row(index, ready ? "free" : slot.state, slot.token))
                if ready { free(id, index) }
            default:
                rows.append(fleet.row(index, "free", slot.token))
            }
        }
        note("renew \(id) \(rows)")
        fleet.renew(callers[id]!, rows)
        alive(id)
        settle()
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
