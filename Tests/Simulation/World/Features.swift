import QueueCore

/// What besides cap and wait a random fleet uses. Each feature draws from a stream of its own.
struct Features {
    /// Of each worker, sessions after which it ends; 0 for no limit.
    var lifetimes: [Int] = []
    /// How many of a thousand clients.
    var runsPerMille = 0
    var aliasesPerMille = 0
    var keptPerMille = 0
    var borrowedPerMille = 0
    /// How many of a thousand processes are of the next schema.
    var newerPerMille = 0
}

extension Shape {
    /// With all that a fleet may have.
    static func random(seed: UInt64) -> Shape {
        var shape = Shape(seed: seed)
        shape.addFeatures(seed: seed)
        return shape
    }

    /// Draws the features, and what they change of the fleet.
    private mutating func addFeatures(seed: UInt64) {
        func chance(_ stream: StaticString, perMille: Int) -> Chance? {
            var chance = Chance(seed: seed, stream: stream)
            return chance.happens(perMille: perMille) ? chance : nil
        }
        features.lifetimes = workers.map { _ in 0 }
        if var chance = chance("fair", perMille: 350) {
            if chance.happens(perMille: 700) { declaration.policy = .fair }
            for index in declaration.tenants.indices {
                declaration.tenants[index].limits.weight = chance.number(1...5)
                if chance.happens(perMille: 300) { declaration.tenants[index].limits.guarantee = chance.number(1...2) }
            }
        }
        if var chance = chance("lifetimes", perMille: 200) {
            features.lifetimes = workers.map { _ in chance.happens(perMille: 700) ? chance.number(3...25) : 0 }
        }
        if var chance = chance("runs", perMille: 400) { features.runsPerMille = chance.one(of: [300, 900]) }
        if var chance = chance("aliases", perMille: 400) { features.aliasesPerMille = chance.one(of: [200, 900]) }
        if var chance = chance("kept", perMille: 250) { features.keptPerMille = chance.one(of: [200, 800]) }
        if var chance = chance("borrowed", perMille: 250) { features.borrowedPerMille = chance.one(of: [100, 500]) }
        if var chance = chance("protocols", perMille: 300) { mixProtocols(&chance) }
        if var chance = chance("schemas", perMille: 200) { features.newerPerMille = chance.one(of: [300, 500, 1_000]) }
    }

    /// Gives the pools of each worker one of two protocols, so that pools differ by it alone. A selector asks for one that
    /// a fitting pool has, or for any.
    private mutating func mixProtocols(_ chance: inout Chance) {
        let protocols: [SlotProtocol] = [.raw, .cdp]
        workers = workers.map { pools in
            let one = chance.one(of: protocols).rawValue
            return pools.map { Shape.pool("\($0.label.text)|\($0.browser)|\($0.version)|\(one)") }
        }
        let offered = workers.flatMap(\.self)
        selectors = selectors.map { asked in
            let any = "\(asked.pattern)|\(asked.browser)|\(asked.version)|"
            let found = Shape.selector(any + chance.one(of: ["", "raw", "cdp"]))
            return offered.contains { found.rank(of: $0) != nil } ? found : Shape.selector(any)
        }
    }

    /// What of it a client uses.
    func add(to plan: inout ClientPlan, _ chance: inout Chance, client: Int) {
        if chance.happens(perMille: features.runsPerMille) { plan.run = "run\(chance.number(1...3))" }
        let isBorrower = chance.happens(perMille: features.borrowedPerMille)
        if chance.happens(perMille: features.keptPerMille) {
            plan.keepSeconds = chance.number(1...5)
            plan.comesBack = chance.happens(perMille: 600) ? chance.number(0...seconds(6)) : nil
        }
        if isBorrower {
            plan.wait = min(plan.wait, seconds(8))
            plan.borrows = true
            plan.comesBack = chance.happens(perMille: 800) ? chance.number(0...seconds(6)) : nil
        } else if chance.happens(perMille: features.aliasesPerMille) {
            // Now and then one that is taken.
            plan.alias = chance.happens(perMille: 150) ? "one\(chance.number(1...2))" : "own\(client)"
        }
    }
}
