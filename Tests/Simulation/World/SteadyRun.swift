import QueueCore

/// A random run in which every slot is wanted all the time: what is served is measured before the faults and after
/// them.
///
/// Faults after which the fleet is another one, or which by contract are not forgotten within L6's time, are left out:
/// limits and orders, sidecars that fail.
struct SteadyRun {
    private static let warmUp = seconds(5)
    private static let measured = seconds(20)
    private let world: World
    private let seed: UInt64

    init(_ world: World, seed: UInt64) {
        self.world = world
        self.seed = seed
    }

    func run() {
        let timeline = world.timeline
        world.startAll()
        timeline.at(seconds(1)) { [world] in world.beginSteadyLoad() }
        timeline.run(until: SteadyRun.warmUp)
        measure()
        let healing = timeline.now + world.shape.faulty
        let faults = FaultDraw(world, seed: seed, from: timeline.now, to: healing)
        faults.scheduleWhatPasses()
        timeline.run(until: healing)
        faults.heal()
        // Who drains then is gone within its timeout.
        for turn in 0...12 { timeline.at(healing + Int64(turn) * milliseconds(500)) { [world] in world.restartAll() } }
        timeline.run(until: healing + seconds(world.hasLostData ? 30 : 15))
        measure()
        world.endLoad()
        // As long as a client waits, and a worker in quarantine for its next probe.
        let rest = timeline.now + seconds(40 + 30)
        while timeline.now < rest, !world.isAtRest { timeline.run(until: timeline.now + seconds(1)) }
        world.look(.atRest)
    }

    private func measure() {
        world.ledger.note(.allWanted(true))
        world.timeline.run(until: world.timeline.now + SteadyRun.measured)
        world.ledger.note(.allWanted(false))
    }
}

extension Shape {
    /// A fleet whose throughput is the same at any time.
    static func steady(seed: UInt64) -> Shape {
        var chance = Chance(seed: seed, stream: "steady")
        var shape = Shape()
        shape.isEven = true
        shape.gateways = chance.number(1...3)
        shape.workers = (0..<chance.number(1...3)).map { _ in
            Array(repeating: pool(pools[chance.number(0...1)]), count: chance.number(1...3))
        }
        shape.declaration.tenants = [
            Declaration.Row(tenant: "all", limits: limits(cap: 1_000, head: 0)),
            Declaration.Row(tenant: "few", limits: limits(cap: 1, head: 0)),
        ]
        shape.selectors = [selector("x|||raw")]
        if chance.happens(perMille: 300) { shape.declaration.policy = .fair }
        if chance.happens(perMille: 150) { shape.caps = .strict }
        shape.sessionMost = milliseconds(400)
        shape.faulty = chance.number(seconds(4)...seconds(12))
        if chance.happens(perMille: 150) { shape.faulty += seconds(13) }
        return shape
    }

    /// Clients enough to want every slot: for each one three who want its pool, and one who takes any.
    var steadyPlans: [ClientPlan] {
        workers.joined().flatMap { pool in
            let exact = Shape.selector(pool.description)
            return [("all", exact), ("all", exact), ("few", exact), ("all", selectors[0])].map { tenant, selector in
                var plan = ClientPlan(tenant: tenant, selector: selector, wait: seconds(40), session: sessionMost)
                plan.comesAnew = true
                return plan
            }
        }
    }
}
