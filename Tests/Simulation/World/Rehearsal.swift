import Queue
import QueueCore
import SimulatedRedis
import SimulationChecks

/// One interleaving of the protocol, by name.
public struct Scenario: Sendable {
    public let name: String
    let shape: @Sendable () -> Shape
    let body: @Sendable (Rehearsal) -> Void

    init(
        _ name: String, gateways: Int = 1, slots: [Int] = [1], caps: CapsMode = .lenient, cap: Int = 1_000,
        _ body: @escaping @Sendable (Rehearsal) -> Void
    ) {
        self.name = name
        shape = {
            var shape = Shape.plain(gateways: gateways, slots: slots)
            shape.declaration.setCap(cap, of: 0)
            shape.caps = caps
            return shape
        }
        self.body = body
    }

    /// Every one there is.
    public static let all =
        Scenario.ofClients + Scenario.ofProcesses + Scenario.ofWorkers + Scenario.ofConnections + Scenario.ofLoss
        + Scenario.ofTime
}

/// A fleet that does what a scenario says, and nothing else. All checkers look on.
final class Rehearsal {
    let world: World

    init(_ world: World) { self.world = world }

    var timeline: Timeline { world.timeline }
    var store: StoreView { world.ledger.store }

    /// The fleet stands: all processes registered, all workers probed.
    func begin(workers: [Int]? = nil) {
        for index in 0..<world.shape.gateways { world.startGateway("g\(index + 1)") }
        for index in workers ?? Array(world.shape.workers.indices) { world.startWorker(index) }
        until("the fleet stands") {
            picture.gateways.count == world.gateways.count && picture.workers.count == world.workers.count
                && picture.workers.allSatisfy { $0.isGrantable && $0.slots.allSatisfy { $0.state == "free" } }
        }
    }

    func g(_ number: Int) -> SimulatedGateway { last(world.gateways, host: "g\(number)") { $0.process.host } }
    func w(_ number: Int) -> SimulatedWorker { last(world.workers, host: "w\(number)") { $0.process.host } }

    private func last<Node>(_ nodes: [Node], host: String, of: (Node) -> String) -> Node {
        guard let node = nodes.last(where: { of($0) == host }) else { preconditionFailure("no \(host)") }
        return node
    }

    var picture: StoreView.Picture {
        store.forget()
        return store.picture
    }

    /// A client arrives. Times in milliseconds.
    @discardableResult
    func client(
        at gateway: Int = 1, tenant: String = "a", wait: Int64 = 60_000, session: Int64 = 100, leavesAfter: Int64? = nil
    ) -> SimulatedClient {
        let plan = ClientPlan(
            tenant: tenant, selector: world.shape.selectors[0], wait: milliseconds(wait),
            leavesAfter: leavesAfter.map { milliseconds($0) }, session: milliseconds(session))
        return world.arrive(plan, at: g(gateway))
    }

    /// A client borrows a slot, and so many milliseconds later one of its tenant comes for it.
    func borrower(comesBackAfter pause: Int64) {
        var plan = ClientPlan(
            tenant: "a", selector: world.shape.selectors[0], wait: seconds(60), leavesAfter: nil,
            session: milliseconds(100))
        plan.borrows = true
        plan.comesBack = milliseconds(pause)
        world.arrive(plan, at: g(1))
    }

    func pass(milliseconds count: Int64) { timeline.run(until: timeline.now + milliseconds(count)) }

    /// Lets time pass until it holds; a finding if it does not in time.
    func until(_ words: String, within limit: Int64 = 10_000, _ holds: () -> Bool) {
        let end = timeline.now + milliseconds(limit)
        while !holds() {
            guard timeline.now < end else { return expect(false, "\(words), within \(limit) ms") }
            timeline.run(until: timeline.now + 1_000)
        }
    }

    func expect(_ holds: Bool, _ words: String) {
        if !holds { world.ledger.found("scenario", "not so: \(words)") }
    }

    // MARK: what is seen

    func state(of client: SimulatedClient) -> String? { line(of: client)?.state }

    func line(of client: SimulatedClient) -> StoreView.WaiterLine? {
        client.wait.flatMap { picture.waiters[$0.id.text] }
    }

    func isQueued(_ client: SimulatedClient) -> Bool { ["queued", "aside"].contains(state(of: client)) }
    func isServing(_ client: SimulatedClient) -> Bool { client.isServed && client.outcome == nil }
    func wasServed(_ client: SimulatedClient) -> Bool { client.outcome == .served }
    func mark(_ gateway: Int) -> String? { picture.gateways[g(gateway).id.text] }
    func workerState(_ number: Int) -> String? { picture.workers.first { $0.id == w(number).id.text }?.state }
    func slot(_ index: Int = 0, of number: Int = 1) -> StoreView.SlotLine? {
        picture.workers.first { $0.id == w(number).id.text }?.slots.first { $0.slot == String(index) }
    }

    /// Once: what becomes of the next call of that script (by that host, if one is named).
    func next(_ script: String, from host: String? = nil, _ fate: StoreServer.Fate, then: @escaping () -> Void = {}) {
        world.server.fate = { [unowned self] called, wire, _ in
            guard called == script, host == nil || wire.process.host == host else { return .normal }
            world.server.fate = nil
            then()
            return fate
        }
    }

    /// Everything heals; all that is promised afterwards must hold.
    func rest() {
        world.network.healAll()
        world.server.fate = nil
        world.server.readLate()
        world.ledger.note(.healed)
        until("every client has ended", within: 90_000) { world.isQuiet }
        pass(milliseconds: world.hasLostData ? 30_000 : 15_000)
        world.look(.atRest)
    }
}

extension SimulationRunner {
    public func run(_ scenario: Scenario) -> SimulationResult {
        redis.reset(seed: 1)
        let world = World(seed: 1, shape: scenario.shape(), redis: redis, options: options)
        defer { world.end() }
        let rehearsal = Rehearsal(world)
        scenario.body(rehearsal)
        rehearsal.rest()
        return world.result()
    }
}
