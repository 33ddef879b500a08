import QueueCore
import Testing

/// The rules of healing, time and identity that no other test holds, one each.
@Suite struct HealingRuleTests {
    let fleet = Fleet()

    private func slot(_ worker: Caller) -> String { fleet.look().slots[worker.id]?[0].state ?? "none" }

    // MARK: - Epochs

    @Test func aFirstBootHoldsNothingOff() {
        let g = Caller("gateway", "g")
        let reply = fleet.register(g)
        #expect(reply.status == "ok" && !reply.holdingOff && reply.epoch > 0)
    }

    @Test func whoComesLateWithAnEpochThatIsFollowedIsOnlyTold() {
        let (g1, g2) = (fleet.gateway("g1"), fleet.gateway("g2"))
        fleet.collect(g2)
        fleet.redis("FLUSHALL")
        fleet.setClock()
        fleet.advance(milliseconds: 1_000)
        #expect(fleet.collect(g1).status == "unknown")
        let opened = g1.history.epoch
        for caller in [g2, g1, g2] {
            let reply = fleet.register(caller)
            #expect(Int64(reply.epoch) == opened && reply.holdingOff)
        }
        let late = Caller("gateway", "g3")
        late.history = History()
        _ = late.history.heard(epoch: opened - 1_000_000, commit: 5, ticket: 0)
        #expect(Int64(fleet.register(late).epoch) == opened, "older than what this epoch is known to follow")
    }

    @Test func newTicketsAreAboveTheHighestThatAnybodySaw() {
        let g = fleet.gateway()
        fleet.register(Caller("worker", "w"), pools: ["x|||raw"])
        let saved = fleet.snapshot()
        fleet.advance(milliseconds: 3_000)
        let last = fleet.enqueue(g, fleet.newWaiter()).ticket
        fleet.restore(saved)
        fleet.advance(milliseconds: -2_000)
        #expect(fleet.enqueue(g, fleet.newWaiter()).ticket > last)
    }

    @Test func inAHoldOffNothingExpires() {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let saved = fleet.snapshot()
        fleet.collect(g)
        fleet.restore(saved)
        #expect(fleet.enqueue(g, fleet.newWaiter()).holdingOff)
        fleet.live(11, [g])
        #expect(slot(w) == "free", "silent for longer than its TTL, and there")
        fleet.live(13, [g])
        #expect(slot(w) == "none", "after it, it counts again")
        _ = ear
    }

    @Test func aClockThatStepsBackInAHoldOffPutsNoEndOffBeyondIt() {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let saved = fleet.snapshot()
        fleet.collect(g)
        fleet.restore(saved)
        #expect(fleet.enqueue(g, fleet.newWaiter()).holdingOff)
        fleet.advance(milliseconds: -20_000)
        fleet.live(11, [g])
        #expect(slot(w) == "free")
        fleet.live(3, [g])
        #expect(slot(w) == "none", "its deadline counts from the step, not from the end of the hold-off")
        _ = ear
    }

    // MARK: - Time

    @Test func anOutageOf30SecondsEndsNothingAndOpensNoCap() {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        fleet.cap(g, "a", 1)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        let waiting = fleet.newWaiter()
        fleet.enqueue(g, waiting)
        fleet.advance(milliseconds: 30_000)
        while fleet.sweep(g).moreToDo {}
        for _ in 0..<3 { fleet.live(1, [g, w]) }
        let look = fleet.look()
        #expect(look.held["a"] == [grant.lease.description] && look.waiters[waiting]?.state == "queued")
        #expect(look.workerStates[w.id] == "ok" && look.marks.isEmpty)
        fleet.release(w, grant)
        #expect(fleet.look().waiters[waiting]?.state == "granted")
        _ = ear
    }

    @Test(arguments: [3_600_000, -3_600_000]) func aClockThatStepsAnHourEndsNothingAndKeepsTheOrder(_ step: Int) {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        let early = fleet.newWaiter()
        let first = fleet.enqueue(g, early).ticket
        fleet.advance(milliseconds: step)
        let late = fleet.newWaiter()
        #expect(fleet.enqueue(g, late).ticket > first)
        fleet.live(8, [g, w])
        #expect(fleet.look().held["a"] == [grant.lease.description] && fleet.look().line == [early, late])
        fleet.release(w, grant)
        fleet.ready(w, grant)
        #expect(fleet.look().waiters[early]?.state == "granted")
        let pending = fleet.look().waiters[early]!.lease
        fleet.advance(milliseconds: -step)
        fleet.live(3, [g, w])
        #expect(fleet.look().waiters[early]?.lease == pending, "a deadline is not over because the clock says so")
        _ = ear
    }

    // MARK: - Identities

    @Test func renewsAreNumberedAndALateOneIsIgnored() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        w.renewals = 4
        fleet.renew(w, [fleet.row(0, "leased", grant.token, grant.lease, tenant: "a")])
        let gone = fleet.row(0, "recycling", grant.token)
        for late in ["4", "5"] {
            #expect(fleet.run("renew", w, [late, "", "0", "", gone]).status == "ok")
            #expect(slot(w) == "leased")
        }
        fleet.run("renew", w, ["6", "", "0", "", gone])
        #expect(slot(w) == "recycling" && fleet.look().held.isEmpty)
    }

    /// Two processes of one node; the older one serves a client.
    private func twins(_ address: String) -> (gateway: Caller, older: Caller, newer: Caller, Grant) {
        let g = fleet.gateway()
        let older = Caller("worker", "w", generation: 1)
        fleet.register(older, address: "h:1", pools: ["x|||raw"])
        fleet.probed(g, older, true)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(older, grant)
        return (g, older, Caller("worker", "w", generation: 2), grant)
    }

    @Test func ofTwoProcessesOfOneNodeTheOldersWordStillCounts() {
        let (_, older, newer, grant) = twins("h:2")
        fleet.register(newer, address: "h:2", pools: ["x|||raw"])
        let renewed = fleet.renew(older, [fleet.row(0, "leased", grant.token, grant.lease, tenant: "a")])
        #expect(renewed.status == "ok" && renewed.texts(1) == ["superseded"])
        #expect(fleet.look().held["a"] == [grant.lease.description])
        #expect(fleet.release(older, grant).status == "ok" && fleet.look().held.isEmpty)
        #expect(fleet.ready(older, grant).status == "ok" && slot(older) == "free")
    }

    @Test func anOldGenerationsLeasesEndAtItsTTLWhereTheAddressIsAnother() {
        let (g, older, newer, grant) = twins("h:2")
        fleet.register(newer, address: "h:2", pools: ["x|||raw"])
        fleet.live(9, [g, newer])
        #expect(fleet.look().held["a"] == [grant.lease.description])
        fleet.live(3, [g, newer])
        #expect(fleet.look().held.isEmpty && slot(older) == "none")
    }

    @Test func theyEndAtOnceWhereTheAddressIsTheSame() {
        let (_, older, newer, _) = twins("h:1")
        fleet.register(newer, address: "h:1", pools: ["x|||raw"])
        #expect(fleet.look().held.isEmpty && slot(older) == "none")
    }

    @Test func butNotThoseOfOneThatDrains() {
        let (_, older, newer, grant) = twins("h:1")
        fleet.drain(older)
        fleet.register(newer, address: "h:1", pools: ["x|||raw"])
        #expect(fleet.look().held["a"] == [grant.lease.description] && slot(older) == "leased")
    }

    // MARK: - Memory

    @Test func aRedisThatFillsUpMidwayLetsACallComplete() {
        let g = fleet.gateway()
        fleet.load(
            "fill",
            body: """
                begin('gateway')
                for i = 1, 64 do
                    write('HSET', key('meta'), 'ballast' .. i, string.rep('x', 65536))
                end
                write('HSET', key('meta'), 'through', '1')
                return finish('ok')
                """)
        let info = fleet.redis("INFO", "memory").string.split(whereSeparator: \.isNewline)
        let used = info.compactMap { $0.hasPrefix("used_memory:") ? Int($0.dropFirst(12)) : nil }[0]
        fleet.redis("CONFIG", "SET", "maxmemory", String(used + 1_000_000))
        #expect(fleet.run("fill", g, []).status == "ok", "4 MB more than fit, and no write was refused")
        #expect(fleet.redis("HGET", fleet.keys.prefix + "meta", "through") == .text("1"))
        #expect(
            fleet.run("enqueue", g, [fleet.newWaiter(), "a", "x|||raw", "0", "", "1", "", "0"]).status.hasPrefix("OOM"))
        #expect(fleet.collect(g).status == "ok")
    }
}
