import QueueCore
import TestSupport
import Testing

@Suite struct WantedTests {
    let fleet = Fleet()

    /// The definition, by linear scans over what is visible.
    private func counted(_ look: Look, caps: [String: Int], pools: [String]) -> [String: Int] {
        var out = Dictionary(uniqueKeysWithValues: pools.map { ($0, 0) })
        for slot in look.slots.values.joined() where slot.state == "leased" { out[slot.pool]! += 1 }
        func choice(_ selector: String) -> String? {
            pools.compactMap { pool in Selector(reading: selector).rank(of: Pool(pool)!).map { ($0, pool) } }
                .min { $0 < $1 }?.1
        }
        var used = look.held.mapValues(\.count)
        let set = look.waiters.filter { $0.value.state == "aside" }
            .sorted { ($0.value.gateway, $0.key) < ($1.value.gateway, $1.key) }
        let queued = look.waiters.filter { $0.value.state == "queued" }
            .sorted { ($0.value.score, $0.value.selector) < ($1.value.score, $1.value.selector) }
        // Queue by queue, in the order of their first waiters.
        var order: [String] = []
        for (_, waiter) in queued where !order.contains(waiter.selector + " " + waiter.tenant) {
            order.append(waiter.selector + " " + waiter.tenant)
        }
        let inOrder =
            set.map(\.value)
            + order.flatMap { name in queued.map(\.value).filter { $0.selector + " " + $0.tenant == name } }
        for waiter in inOrder {
            guard let pool = choice(waiter.selector), used[waiter.tenant, default: 0] < caps[waiter.tenant]! else {
                continue
            }
            used[waiter.tenant, default: 0] += 1
            out[pool]! += 1
        }
        return out
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func itIsWhatItsDefinitionSays(seed: UInt64) {
        var random = SplitMix64(state: seed)
        fleet.auditsEachStep = false
        let (g, deaf) = (fleet.gateway("g"), fleet.gateway("deaf"))
        let ear = fleet.listen(g)
        for (index, pools) in Walk.pools.enumerated() {
            _ = fleet.worker("w\(index)", pools: pools, probedBy: g)
        }
        let pools = Array(Set(Walk.pools.joined()))
        var caps: [String: Int] = [:]
        for tenant in ["a", "b", "c", "d", "e", "f"] {
            caps[tenant] = Int.random(in: 0...12, using: &random)
            fleet.cap(g, tenant, caps[tenant]!)
        }
        for _ in 0..<200 {
            fleet.advance(milliseconds: Int.random(in: 0..<5, using: &random))
            fleet.enqueue(
                Int.random(in: 0..<4, using: &random) == 0 ? deaf : g, fleet.newWaiter(),
                tenant: caps.keys.sorted().randomElement(using: &random)!,
                Walk.selectors.randomElement(using: &random)!)
        }
        // Some slots change hands, so that heads of the gateway that does not listen are set aside.
        for grant in fleet.collect(g).grants.prefix(4) {
            let worker = Caller("worker", String(grant.worker.node))
            worker.connection = 1
            fleet.accept(worker, grant)
            fleet.release(worker, grant)
            fleet.ready(worker, grant)
        }
        let look = fleet.look()
        #expect(fleet.wanted() == counted(look, caps: caps, pools: pools))
        #expect(fleet.findings() == [])
        _ = ear
    }

    @Test func waitersOfASuspendedGatewayCountUpToTheirTenantsCap() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let held = fleet.enqueue(g, fleet.newWaiter(), tenant: "b").grant!
        fleet.accept(w, held)
        fleet.cap(g, "a", 3)
        for _ in 0..<5 { fleet.enqueue(g, fleet.newWaiter()) }
        fleet.release(w, held)
        fleet.ready(w, held)
        // The first was granted to nobody's ear; the rest is set aside when its slot comes back.
        fleet.live(6, [g, w])
        let slot = fleet.look().slots[w.id]![0]
        fleet.ready(w, slot: 0, Token(epoch: Int64(slot.epoch), number: Int64(slot.number)))
        #expect(fleet.look().waiters.values.filter { $0.state == "aside" }.count == 5)
        #expect(fleet.wanted() == ["x|||raw": 3])
    }

    @Test func whatScalesFromZeroIsWantedUntilAWorkerFits() {
        let g = fleet.gateway()
        for name in ["zero:x", "zero:y|firefox"] { fleet.order(name, "1") }
        fleet.enqueue(g, fleet.newWaiter(), "x|chromium|1.50|raw")
        for selector in ["y|firefox||raw", "y|||raw"] { fleet.enqueue(g, fleet.newWaiter(), selector) }
        #expect(fleet.wanted() == ["x|||": 1, "y|firefox||": 2])
        _ = fleet.worker(pools: ["x|chromium|1.50|raw"], probedBy: g)
        #expect(fleet.wanted() == ["x|||": 0, "x|chromium|1.50|raw": 1, "y|firefox||": 2])
    }
}
