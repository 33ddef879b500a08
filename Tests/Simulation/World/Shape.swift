import QueueCore
import WorkerCore

/// A fleet and its load, drawn from a seed.
struct Shape {
    var gateways = 2
    /// The pools of each worker's slots.
    var workers: [[Pool]] = []
    /// How the slots of each worker share sidecars; dedicated without spares where there is no entry.
    var seatings: [Seating] = []
    var declaration = Declaration()
    var selectors: [Selector] = []
    var caps = CapsMode.lenient
    /// Mean time between two arrivals, µs.
    var pause: Int64 = 400_000
    var sessionLeast: Int64 = 5_000
    var sessionMost: Int64 = 2_000_000
    var waitMost: Int64 = 15_000_000
    var leavesPerMille = 200
    var impatientPerMille = 50
    /// How long faults happen.
    var faulty: Int64 = 20_000_000
    var features = Features()
    /// Sidecars start and end in the same time each.
    var isEven = false

    static let pools = ["x|chromium|1.50|raw", "x|firefox|1.50|raw", "x:y|chromium|1.50|raw", "z|chromium|1.51|raw"]
    private static let selectors = [
        "x|chromium|1.50|raw", "x|||raw", "x:y|chromium||raw", "|chromium||raw", "||1.50|raw", "z|chromium|1.51|raw",
        "x:*|||raw", "x|firefox||raw",
    ]

    /// For a scenario: everything fits everything.
    static func plain(gateways: Int, slots: [Int]) -> Shape {
        var shape = Shape()
        shape.gateways = gateways
        shape.workers = slots.map { Array(repeating: pool(pools[0]), count: $0) }
        shape.selectors = [selector("x|||raw")]
        shape.declaration.tenants = [Declaration.Row(tenant: "a", limits: limits(cap: 1_000, head: 0))]
        return shape
    }

    init() {}

    init(seed: UInt64) {
        var chance = Chance(seed: seed, stream: "shape")
        gateways = chance.number(1...3)
        let kinds = chance.number(1...Shape.pools.count)
        let slotsMost = chance.number(1...4)
        workers = (0..<chance.number(1...4)).map { _ in
            let isMixed = chance.happens(perMille: 300)
            let first = Shape.pool(Shape.pools[chance.number(0...kinds - 1)])
            return (0..<chance.number(1...slotsMost)).map { _ in
                isMixed ? Shape.pool(Shape.pools[chance.number(0...kinds - 1)]) : first
            }
        }
        let wanted = chance.number(1...4)
        let offered = workers.flatMap(\.self)
        let all = chance.shuffled(Shape.selectors).map(Shape.selector)
        selectors = Array(all.filter { asked in offered.contains { asked.rank(of: $0) != nil } }.prefix(wanted))
        // Now and then something nobody offers.
        if chance.happens(perMille: 100), let any = all.first { selectors.append(any) }
        declaration.tenants = (0..<chance.number(2...5)).map { index in
            let head = chance.happens(perMille: 250) ? chance.number(1...5) : 0
            return Declaration.Row(tenant: "t\(index)", limits: Shape.limits(cap: chance.number(1...6), head: head))
        }
        if chance.happens(perMille: 300) { declaration.defaults.cap = chance.number(1...4) }
        if chance.happens(perMille: 150) { caps = .strict }
        // From half idle to four times too much.
        let slots = workers.reduce(0) { $0 + $1.count }
        sessionMost = chance.number(milliseconds(200)...milliseconds(3_000))
        let mean = sessionMost / 2 + milliseconds(250)
        pause = mean * 100 / (Int64(slots) * chance.number(50...400))
        pause = max(pause, milliseconds(60))
        waitMost = chance.number(seconds(2)...seconds(18))
        leavesPerMille = chance.one(of: [0, 100, 300, 600])
        faulty = chance.number(seconds(4)...seconds(12))
        // Long enough for a whole outage, or a pause beyond every deadline.
        if chance.happens(perMille: 100) { faulty += seconds(13) }
        // Sessions that outlast their worker's TTL: it comes back and its places are given away.
        if chance.happens(perMille: 150) {
            sessionMost = chance.number(seconds(15)...seconds(30))
            sessionLeast = sessionMost / 2
            pause *= 4
            faulty = max(faulty, seconds(18))
            for index in declaration.tenants.indices { declaration.setCap(chance.number(1...2), of: index) }
        }
        seatings = workers.map { _ in Shape.seating(&chance) }
    }

    private static func seating(_ chance: inout Chance) -> Seating {
        let spares = chance.happens(perMille: 300) ? chance.number(1...2) : 0
        let age = chance.happens(perMille: 200) ? UInt64(chance.number(2_000...8_000)) : nil
        guard chance.happens(perMille: 400) else { return Seating(spares: spares, ageMaxMilliseconds: age) }
        let seats = chance.number(1...3)
        return Seating(
            mode: .shared(seats: seats, sessionsMax: chance.number(1...12)), spares: spares, ageMaxMilliseconds: age)
    }

    /// The pools of a worker: its slots of equal pools that follow each other.
    func plans(_ index: Int) -> [PoolPlan] {
        let seating = seatings.indices.contains(index) ? seatings[index] : Seating()
        var plans: [PoolPlan] = []
        for pool in workers[index] {
            if let last = plans.last, last.pool == pool {
                plans[plans.count - 1] = PoolPlan(pool: pool, slots: last.slots + 1, seating: seating)
            } else {
                plans.append(PoolPlan(pool: pool, slots: 1, seating: seating))
            }
        }
        return plans
    }

    func plan(_ chance: inout Chance) -> ClientPlan {
        let tenant = chance.happens(perMille: 100) ? "guest" : chance.one(of: declaration.tenants).tenant
        let head = chance.happens(perMille: 200) ? chance.number(0...8) : 0
        let leaves: Int64? =
            chance.happens(perMille: leavesPerMille)
            ? (chance.happens(perMille: 300)
                ? chance.number(0...milliseconds(20)) : chance.number(0...waitMost)) : nil
        return ClientPlan(
            tenant: tenant, selector: chance.one(of: selectors), headStartSeconds: head, run: "",
            mayWait: !chance.happens(perMille: impatientPerMille),
            wait: chance.number(milliseconds(500)...waitMost), leavesAfter: leaves,
            session: chance.number(sessionLeast...sessionMost))
    }

    static func pool(_ text: String) -> Pool {
        guard let pool = Pool(text) else { preconditionFailure("no pool: \(text)") }
        return pool
    }

    static func selector(_ text: String) -> Selector {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard
            let selector = Selector(
                pattern: parts[0], browser: parts[1], version: parts[2], slotProtocol: SlotProtocol(rawValue: parts[3]))
        else {
            preconditionFailure("no selector: \(text)")
        }
        return selector
    }

    static func limits(cap: Int, head: Int) -> TenantLimits {
        TenantLimits(cap: cap, queueMax: 1_000, waitMaxMilliseconds: 60_000, priorityMaxSeconds: head, weight: 1)
    }
}

extension Declaration {
    /// - Parameter index: which of its tenants; behind the last are those without limits of their own.
    mutating func setCap(_ cap: Int, of index: Int) {
        if tenants.indices.contains(index) {
            tenants[index].limits.cap = cap
        } else {
            defaults.cap = cap
        }
    }
}
