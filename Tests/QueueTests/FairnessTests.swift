import QueueCore
import Testing

/// Who goes first: the policies and the guarantee (ADR 9).
@Suite struct FairnessTests {
    private let fleet = Fleet()

    /// `count` clients of a tenant are served, each on a slot of its own.
    private func hold(_ gateway: Caller, _ worker: Caller, _ tenant: String, _ count: Int) -> [Grant] {
        (0..<count).map { _ in
            let grant = fleet.enqueue(gateway, fleet.newWaiter(), tenant: tenant).grant!
            fleet.accept(worker, grant)
            return grant
        }
    }

    private func free(_ worker: Caller, _ grant: Grant) {
        fleet.release(worker, grant)
        fleet.ready(worker, grant)
    }

    @Test func fairServesWhoHoldsFewerForItsWeight() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: Array(repeating: "x|||raw", count: 4), probedBy: g)
        let ear = fleet.listen(g)
        fleet.order("policy", "fair")
        fleet.cap(g, "heavy", 9, weight: 3)
        let held = hold(g, w, "light", 2) + hold(g, w, "heavy", 2)
        let (light, heavy) = (fleet.newWaiter(), fleet.newWaiter())
        fleet.enqueue(g, light, tenant: "light")
        fleet.enqueue(g, heavy, tenant: "heavy")
        free(w, held[2])
        #expect(fleet.collect(g).grants.map(\.lease.waiter.text).contains(heavy), "1/3 against 2/1")
        free(w, held[3])
        #expect(fleet.collect(g).grants.map(\.lease.waiter.text).contains(light), "nobody else waits")
        _ = ear
    }

    @Test func aSlotHeldIsWorthAMinuteOfWaiting() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        fleet.order("policy", "fair")
        let held = hold(g, w, "busy", 1) + hold(g, w, "other", 1)
        let old = fleet.newWaiter()
        fleet.enqueue(g, old, tenant: "busy")
        // Not idle for long at once: that would be an outage.
        fleet.live(59, [g, w])
        let early = fleet.newWaiter()
        fleet.enqueue(g, early, tenant: "idle")
        free(w, held[1])
        #expect(fleet.collect(g).grants.last?.lease.waiter.text == early, "59 s waited, 60 s for the slot held")
        fleet.live(2, [g, w])
        let late = fleet.newWaiter()
        fleet.enqueue(g, late, tenant: "idler")
        let grant = fleet.collect(g).grants.last!
        fleet.accept(w, grant)
        free(w, grant)
        #expect(fleet.collect(g).grants.last?.lease.waiter.text == old, "61 s waited: nobody waits for ever")
        _ = ear
    }

    /// A grant changes the tenant's place in every queue it waits in.
    @Test func aGrantMovesTheTenantsOtherQueuesToo() {
        let g = fleet.gateway()
        fleet.order("policy", "fair")
        let ear = fleet.listen(g)
        let x = fleet.worker("wx", pools: ["x|||raw"], probedBy: g)
        let y = fleet.worker("wy", pools: ["y|||raw"], probedBy: g)
        let first = fleet.enqueue(g, fleet.newWaiter(), tenant: "z", "x|||raw").grant!
        let second = fleet.enqueue(g, fleet.newWaiter(), tenant: "z", "y|||raw").grant!
        fleet.accept(x, first)
        fleet.accept(y, second)
        let (ax, ay, by) = (fleet.newWaiter(), fleet.newWaiter(), fleet.newWaiter())
        fleet.enqueue(g, ax, tenant: "a", "x|||raw")
        fleet.enqueue(g, ay, tenant: "a", "y|||raw")
        fleet.enqueue(g, by, tenant: "b", "y|||raw")
        free(x, first)
        free(y, second)
        #expect(Set(fleet.collect(g).grants.map(\.lease.waiter.text)) == [ax, by], "a holds one by then")
        _ = ear
    }

    @Test(arguments: ["fifo", "fair"]) func aTenantBelowItsGuaranteeGoesFirstAndEndsNobody(policy: String) {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        fleet.order("policy", policy)
        fleet.cap(g, "sure", 9, guarantee: 1)
        let held = hold(g, w, "crowd", 2)
        let crowd = (0..<3).map { _ in fleet.newWaiter() }
        for waiter in crowd { fleet.enqueue(g, waiter, tenant: "crowd") }
        let sure = (0..<2).map { _ in fleet.newWaiter() }
        for waiter in sure { #expect(fleet.enqueue(g, waiter, tenant: "sure").status == "queued", "ends nobody") }
        free(w, held[0])
        #expect(fleet.collect(g).grants.last?.lease.waiter.text == sure[0])
        free(w, held[1])
        let next = fleet.collect(g).grants.map(\.lease.waiter.text)
        #expect(next.contains(crowd[0]), "its guarantee is used up")
        _ = ear
    }

    @Test func anotherPolicyReachesEveryoneASliceAtATime() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw", "x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        let held = hold(g, w, "t0", 2) + hold(g, w, "z", 1)
        fleet.enqueueMany(g, 1_000) { "t\($0)" }
        let changed = fleet.order("policy", "fair")
        #expect(changed.moreToDo)
        #expect(fleet.audit() == [])
        free(w, held[2])
        let before = fleet.collect(g).grants.count
        #expect(before == 1)
        var rounds = 0
        while fleet.sweep(g).moreToDo { rounds += 1 }
        #expect(rounds > 5, "\(rounds)")
        #expect(fleet.audit() == [] && fleet.look().findings == [])
        #expect(
            fleet.redis("ZRANGE", "berth:{t}:selector:x|||raw:eligible", "-1", "-1").strings == ["t0"], "it holds two")
        _ = ear
    }
}
