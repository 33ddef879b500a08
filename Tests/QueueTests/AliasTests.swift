import QueueCore
import Testing

/// A waiter's alias: unique while it lives, and its ticket outlives its gateway.
@Suite struct AliasTests {
    let fleet = Fleet()

    private func names() -> [String] {
        fleet.redis("KEYS", fleet.keys.prefix + "*").strings.filter {
            $0.hasSuffix(":aliases") || $0.hasSuffix("orphans")
        }
    }

    /// One gateway with a worker whose tenants may hold nothing, so that everybody waits.
    private func start() -> (Caller, Subscriber) {
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        return (g, fleet.listen(g))
    }

    @Test func anAliasIsTakenWhileItsWaiterLivesAndByItsTenantOnly() {
        let (g, ear) = start()
        let id = fleet.newWaiter()
        #expect(fleet.enqueue(g, id, alias: "me").status == "queued")
        #expect(fleet.enqueue(g, id, alias: "me").status == "queued", "the same waiter asked again")
        let seen = fleet.look()
        let refused = fleet.enqueue(g, fleet.newWaiter(), alias: "me")
        #expect(refused.status == "refused" && refused.text(0) == "alias_taken")
        #expect(ear.next().text == "collect", "whether anybody hears was asked")
        #expect(fleet.look() == seen)
        #expect(fleet.enqueue(g, fleet.newWaiter(), tenant: "b", alias: "me").status == "granted")
        #expect(fleet.enqueue(g, fleet.newWaiter(), alias: "you").status == "queued")
        fleet.cancel(g, id)
        #expect(fleet.enqueue(g, fleet.newWaiter(), alias: "me").status == "queued")
    }

    @Test func anAliasLastsUntilTheSessionIsOver() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        let grant = fleet.enqueue(g, fleet.newWaiter(), alias: "me").grant!
        #expect(fleet.enqueue(g, fleet.newWaiter(), alias: "me").text(0) == "alias_taken")
        fleet.accept(w, grant)
        #expect(fleet.enqueue(g, fleet.newWaiter(), alias: "me").text(0) == "alias_taken")
        fleet.release(w, grant)
        #expect(names() == [])
        _ = ear
    }

    @Test func aTicketOutlivesAWaiterThatMoves() {
        let (g, ear) = start()
        let other = fleet.gateway("other")
        let otherEar = fleet.listen(other)
        let (first, plain, last) = (fleet.newWaiter(), fleet.newWaiter(), fleet.newWaiter())
        let ticket = fleet.enqueue(g, first, alias: "me").text(0)
        fleet.enqueue(g, plain)
        fleet.enqueue(other, last)
        for waiter in [first, first, plain] {
            let outcome = fleet.run("cancel", g, [waiter, "", "0", "moves"])
            #expect(outcome.status == "ok" && outcome.values.isEmpty, "a repeated call changes nothing")
        }
        #expect(fleet.look().line == [last])
        let back = fleet.newWaiter()
        #expect(fleet.enqueue(other, back, alias: "me").text(0) == ticket)
        #expect(fleet.look().line == [back, last])
        #expect(fleet.run("cancel", g, [back, "", "0", "moves"]).status == "ok")
        #expect(fleet.look().line == [back, last], "it is another gateway's")
        _ = (ear, otherEar)
    }

    @Test func aTicketOutlivesItsGatewayForHalfAMinute() {
        let (g, ear) = start()
        let other = fleet.gateway("other")
        let otherEar = fleet.listen(other)
        let (first, second) = (fleet.newWaiter(), fleet.newWaiter())
        let ticket = fleet.enqueue(g, first, alias: "me").text(0)
        fleet.enqueue(g, fleet.newWaiter(), alias: "late")
        fleet.enqueue(other, second)
        fleet.drain(g, leave: true)
        #expect(fleet.look().line == [second])
        fleet.live(20, [other])
        let back = fleet.newWaiter()
        #expect(fleet.enqueue(other, back, alias: "me").text(0) == ticket)
        #expect(fleet.look().line == [back, second])
        fleet.live(12, [other])
        #expect(fleet.enqueue(other, fleet.newWaiter(), alias: "late").ticket > Int(ticket)!)
        fleet.live(2, [other])
        fleet.cancel(other, back)
        #expect(names().count == 1)
        _ = (ear, otherEar)
    }

    /// Found in the simulator (seed 1413).
    @Test func whoWillNotWaitLeavesTheTicketForTheNext() {
        let (g, ear) = start()
        let other = fleet.gateway("other")
        let ticket = fleet.enqueue(g, fleet.newWaiter(), alias: "me").text(0)
        fleet.drain(g, leave: true)
        fleet.live(10, [other])
        for _ in 0..<2 {
            #expect(fleet.enqueue(other, fleet.newWaiter(), wait: false, alias: "me").text(0) == "would_wait")
        }
        fleet.live(10, [other])
        #expect(fleet.enqueue(other, fleet.newWaiter(), alias: "me").text(0) == ticket)
        _ = ear
    }

    @Test func whoWillNotWaitDoesNotKeepATicketLonger() {
        let (g, ear) = start()
        let other = fleet.gateway("other")
        fleet.enqueue(g, fleet.newWaiter(), alias: "me")
        fleet.drain(g, leave: true)
        fleet.live(20, [other])
        #expect(fleet.enqueue(other, fleet.newWaiter(), wait: false, alias: "me").text(0) == "would_wait")
        fleet.live(12, [other])
        #expect(names() == [])
        _ = ear
    }

    @Test func aDeafGatewaysTicketIsNotLostOnWhoWillNotWait() {
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        let ticket = fleet.enqueue(g, fleet.newWaiter(), alias: "me").text(0)
        let other = fleet.gateway("other")
        #expect(fleet.enqueue(other, fleet.newWaiter(), wait: false, alias: "me").text(0) == "would_wait")
        #expect(fleet.enqueue(other, fleet.newWaiter(), alias: "me").text(0) == ticket)
    }

    @Test func whatNobodyCameBackForIsForgotten() {
        let (g, _) = start()
        let other = fleet.gateway("other")
        fleet.auditsEachStep = false
        for i in 0..<200 { fleet.enqueue(g, fleet.newWaiter(), alias: "n\(i)") }
        fleet.drain(g, leave: true)
        while fleet.sweep(other).moreToDo {}
        fleet.check("a gateway's end")
        #expect(names().count == 2)
        fleet.live(33, [other])
        fleet.check("the expiry of its aliases")
        #expect(names() == [])
    }

    @Test func aDeafGatewaysWaiterGivesWayAtOnce() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        let other = fleet.gateway("other")
        let id = fleet.newWaiter()
        let ticket = fleet.enqueue(g, id, alias: "me").text(0)
        let heir = fleet.newWaiter()
        #expect(fleet.enqueue(other, heir, alias: "me").text(0) == ticket)
        #expect(fleet.look().line == [heir] && fleet.look().waiters[id]?.state == "ended")
        #expect(fleet.collect(g).ends == ["\(id) alias"])
        // The same of one that was granted: its slot recycles, and nobody is served on the old grant.
        fleet.cap(g, "a", 1)
        let grant = fleet.collect(other).grants[0]
        let third = fleet.newWaiter()
        let told = fleet.listen(w)
        #expect(fleet.enqueue(g, third, alias: "me").text(0) == ticket)
        #expect(told.next().text.hasPrefix("recycle 0 "))
        #expect(fleet.accept(w, grant).status == "ended")
        #expect(fleet.collect(other).ends == ["\(heir) alias"])
    }

    @Test func aGatewayThatRegistersAnewHasItsWaitersBackUnlessSomebodyTookTheAlias() {
        let (g, ear) = start()
        let other = fleet.gateway("other")
        let tickets = ["one", "two"].map { fleet.enqueue(g, fleet.newWaiter(), alias: $0).ticket }
        fleet.drain(g, leave: true)
        let heir = fleet.newWaiter()
        fleet.enqueue(other, heir, alias: "two")
        fleet.register(g)
        let back = fleet.newWaiter()
        #expect(fleet.enqueue(g, back, ticket: tickets[0], alias: "one").text(0) == String(tickets[0]))
        let otherEar = fleet.listen(other)
        #expect(fleet.enqueue(g, fleet.newWaiter(), ticket: tickets[1], alias: "two").text(0) == "alias_taken")
        #expect(fleet.look().line == [back, heir])
        _ = (ear, otherEar)
    }
}
