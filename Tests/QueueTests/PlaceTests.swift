import QueueCore
import Testing

@testable import Queue

@Suite struct PlaceTests {
    let fleet = Fleet()

    private func place(_ waiter: String, tenant: String = "a") -> Place? {
        Place(reply: fleet.raw("place", ["", "0", "0", "0", "0", waiter, tenant, ""]).strings)
    }

    @Test func itTellsHowManyAreAheadAndWhoseTheyAre() throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let held = fleet.enqueue(g, fleet.newWaiter(), tenant: "c").grant!
        let waiters = (0..<6).map { _ in fleet.newWaiter() }
        for (index, waiter) in waiters.enumerated() {
            fleet.advance(milliseconds: 1_000)
            fleet.enqueue(g, waiter, tenant: index % 2 == 0 ? "a" : "b", index == 4 ? "|||raw" : "x|||raw")
        }
        fleet.advance(milliseconds: 500)
        let last = try #require(place(waiters[4]))
        #expect(last.state == "queued" && last.ahead == 4 && last.aheadOfTenant == 2)
        #expect(last.oldestMilliseconds == 5_500 && last.waitedMilliseconds == 1_500)
        #expect(last.reason == .capacity && last.estimateMilliseconds == nil, "nothing was granted to who waited")
        #expect(place(waiters[4], tenant: "b") == nil && place(fleet.newWaiter()) == nil)
        fleet.accept(w, held)
        #expect(place(held.lease.waiter.text, tenant: "c")?.state == "accepted")
        #expect(place(held.lease.waiter.text, tenant: "c")?.reason == nil)
    }

    @Test func itTellsWhyAWaiterWaits() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        fleet.cap(g, "a", 1)
        let first = fleet.enqueue(g, fleet.newWaiter()).grant!
        let capped = fleet.newWaiter()
        fleet.enqueue(g, capped)
        #expect(place(capped)?.reason == .tenantCap)
        fleet.cap(g, "a", 9)
        let full = fleet.newWaiter()
        fleet.enqueue(g, full)
        #expect(place(full)?.reason == .capacity)
        fleet.drain(w)
        #expect(place(full)?.reason == .noWorker, "who drains takes nobody")
        fleet.accept(w, first)
    }

    private func cancel(_ gateway: Caller, _ waiter: String, _ how: String) -> [String] {
        let outcome = fleet.run("cancel", gateway, [waiter, "", "0", how])
        return [outcome.status] + outcome.values.map(\.string)
    }

    @Test func theEndOfAWaitSaysWhy() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        fleet.cap(g, "a", 1)
        let first = fleet.enqueue(g, fleet.newWaiter()).grant!
        let (capped, full, unserved, late) = (
            fleet.newWaiter(), fleet.newWaiter(), fleet.newWaiter(), fleet.newWaiter()
        )
        fleet.enqueue(g, capped)
        #expect(cancel(g, capped, "late") == ["ok", "tenant_cap", "1", "1"])
        #expect(fleet.look().waiters[capped] == nil)
        fleet.cap(g, "a", 9)
        let second = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.enqueue(g, full)
        #expect(cancel(g, full, "unserved") == ["ok", "capacity", "2", "9"])
        #expect(fleet.look().waiters[full]?.state == "queued", "a worker serves its pool")
        #expect(cancel(g, full, "late") == ["ok", "capacity", "2", "9"])
        fleet.enqueue(g, unserved)
        fleet.enqueue(g, late)
        fleet.drain(w)
        #expect(cancel(g, unserved, "unserved") == ["ok", "no_worker", "2", "9"])
        #expect(cancel(g, late, "late") == ["ok", "no_worker", "2", "9"])
        #expect(fleet.look().waiters[unserved] == nil && fleet.look().waiters[late] == nil)
        #expect(cancel(g, late, "late") == ["ok", "recovering", "0", "0"], "its reply was lost, or the waiter was")
        #expect(fleet.cancel(g, full).values.isEmpty, "a client that left asks nothing")
        fleet.accept(w, first)
        fleet.accept(w, second)
    }

    @Test func aWaiterThatWasJustGrantedASlotHadNoneInTime() {
        let g = fleet.gateway()
        fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        #expect(cancel(g, grant.lease.waiter.text, "unserved")[1] == "capacity")
        #expect(fleet.look().waiters[grant.lease.waiter.text]?.state == "granted")
        #expect(cancel(g, grant.lease.waiter.text, "late")[1] == "capacity")
        #expect(fleet.enqueue(g, fleet.newWaiter()).grant != nil, "the slot is free again")
    }

    /// A second client waits for what its gateway does not fetch; it keeps its place.
    @Test func oneSetAsideKeepsItsPlace() throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let held = fleet.enqueue(g, fleet.newWaiter()).grant!
        let (one, two) = (fleet.newWaiter(), fleet.newWaiter())
        for waiter in [one, two, fleet.newWaiter()] {
            fleet.advance(milliseconds: 1)
            fleet.enqueue(g, waiter)
        }
        fleet.accept(w, held)
        fleet.release(w, held)
        fleet.ready(w, held)
        #expect(fleet.look().waiters[one]?.state == "granted", "nobody listens: the gateway is suspended")
        let grant = fleet.look().slots[w.id]![0]
        fleet.live(6, [g, w])
        fleet.ready(w, slot: 0, Token(epoch: Int64(grant.epoch), number: Int64(grant.number)))
        let place = try #require(self.place(two))
        #expect(place.state == "aside" && place.ahead == 0)
        #expect(place.waitedMilliseconds > 5_000)
    }

    // MARK: - The estimate

    /// Ten slots, each session ten seconds: one grant a second. Returns who waits last, with `waiting` ahead of it.
    private func steady(seconds: Int, waiting: Int, tenants: [String]) -> (g: Caller, w: Caller, last: String) {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let w = fleet.worker(pools: Array(repeating: "x|||raw", count: 10), probedBy: g)
        fleet.auditsEachStep = false
        var running: [(until: Int, Grant)] = []
        var last = ""
        for index in 0..<10 {
            let grant = fleet.enqueue(g, fleet.newWaiter(), tenant: tenants[index % tenants.count]).grant!
            fleet.accept(w, grant)
            running.append((index + 1, grant))
        }
        for second in 0..<seconds {
            fleet.advance(milliseconds: 1_000)
            while fleet.redis("ZCARD", fleet.keys.prefix + "line").string != String(waiting) {
                last = fleet.newWaiter()
                fleet.enqueue(g, last, tenant: tenants[second % tenants.count])
            }
            fleet.renew(g)
            for (until, grant) in running where until == second {
                fleet.release(w, grant)
                fleet.ready(w, grant)
            }
            running.removeAll { $0.until == second }
            let mail = fleet.collect(g).grants.filter { grant in !running.contains { $0.1.lease == grant.lease } }
            for grant in mail {
                fleet.accept(w, grant)
                running.append((second + 10, grant))
            }
            fleet.run("renew", w, ["0"])
        }
        _ = ear
        return (g, w, last)
    }

    @Test func theEstimateFollowsTheRateOfGrants() throws {
        let (_, w, last) = steady(seconds: 120, waiting: 40, tenants: ["a"])
        let place = try #require(self.place(last))
        #expect(place.reason == .capacity && place.ahead >= 38)
        let estimate = try #require(place.estimateMilliseconds)
        #expect((34_000...48_000).contains(estimate), "one a second, 40 wait: \(estimate)")
        // Silence counts against the rate, and then nothing tells.
        fleet.advance(milliseconds: 60_000)
        let later = try #require(self.place(last)?.estimateMilliseconds)
        #expect(later > estimate)
        fleet.advance(milliseconds: 61_000)
        #expect(self.place(last)?.estimateMilliseconds == nil, "nothing was granted for two minutes")
        fleet.drain(w)
    }

    @Test func aTenantAtItsCapIsEstimatedByItsOwnRateAndHoldsUpNobodyElse() throws {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let w = fleet.worker(pools: ["x|||raw", "x|||raw", "x|||raw", "x|||raw"], probedBy: g)
        fleet.auditsEachStep = false
        fleet.cap(g, "slow", 1)
        fleet.enqueueMany(g, 304) { $0 % 4 == 0 && $0 < 240 ? "slow" : "fast" }
        var running: [Grant] = []
        // The capped tenant has one of four slots; all sessions take one second.
        for _ in 0..<60 {
            fleet.advance(milliseconds: 1_000)
            for grant in running {
                fleet.release(w, grant)
                fleet.ready(w, grant)
            }
            running = fleet.collect(g).grants
            for grant in running { fleet.accept(w, grant) }
            fleet.run("renew", w, ["0"])
        }
        fleet.advance(milliseconds: 500)
        let waiting = fleet.look().line.compactMap { id in fleet.look().waiters[id].map { (id, $0.tenant) } }
        let newcomer = fleet.newWaiter()
        fleet.enqueue(g, newcomer, tenant: "new")
        let place = try #require(self.place(newcomer, tenant: "new"))
        let fast = waiting.filter { $0.1 == "fast" }.count
        let estimate = try #require(place.estimateMilliseconds)
        #expect(place.ahead == waiting.count)
        #expect((fast * 1_000 / 6...fast * 1_000 / 2 + 2_000).contains(estimate), "\(fast) ahead: \(estimate)")
        _ = ear
    }

    @Test func anIdleFleetTellsNothingOfItsRate() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        for _ in 0..<20 {
            fleet.advance(milliseconds: 1_000)
            let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
            fleet.accept(w, grant)
            fleet.release(w, grant)
            fleet.ready(w, grant)
        }
        fleet.enqueue(g, fleet.newWaiter())
        let waiter = fleet.newWaiter()
        fleet.enqueue(g, waiter)
        #expect(place(waiter)?.ahead == 0)
        #expect(place(waiter)?.estimateMilliseconds == nil, "arrivals are no measure of service")
    }
}
