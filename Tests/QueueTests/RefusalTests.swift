import QueueCore
import Testing

@Suite struct RefusalTests {
    let fleet = Fleet()

    @Test func capsHoldAndAReleaseServesTheTenantsNext() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw", "x|||raw"], probedBy: g)
        fleet.cap(g, "a", 1)
        let first = fleet.enqueue(g, fleet.newWaiter()).grant!
        let second = fleet.newWaiter()
        #expect(fleet.enqueue(g, second).status == "queued")
        #expect(fleet.enqueue(g, fleet.newWaiter(), tenant: "b").status == "granted", "a capped tenant blocks nobody")
        fleet.accept(w, first)
        fleet.release(w, first)
        #expect(fleet.look().waiters[second]?.state == "granted", "an idle slot serves it before the first is ready")
    }

    @Test func aCapLoweredKillsNothingAndRaisedServesAtOnce() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw", "x|||raw"], probedBy: g)
        fleet.cap(g, "a", 2)
        let grants = (0..<2).map { _ in fleet.enqueue(g, fleet.newWaiter()).grant! }
        fleet.cap(g, "a", 1)
        #expect(fleet.look().held["a"]?.count == 2)
        let waiting = fleet.newWaiter()
        fleet.enqueue(g, waiting)
        fleet.accept(w, grants[0])
        fleet.release(w, grants[0])
        fleet.ready(w, grants[0])
        #expect(fleet.look().waiters[waiting]?.state == "queued")
        fleet.cap(g, "a", 2)
        #expect(fleet.look().waiters[waiting]?.state == "granted")
        fleet.cap(g, "a", 0)
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "queued")
    }

    @Test func newDefaultsReachEveryoneASliceAtATimeAndGrantNobodyByTheOldOnes() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: Array(repeating: "x|||raw", count: 4), probedBy: g)
        _ = fleet.listen(g)
        fleet.auditsEachStep = false
        fleet.cap(g, "*", 1)
        let held = (0..<4).map { fleet.enqueue(g, fleet.newWaiter(), tenant: "t\($0)").grant! }
        for _ in 0..<2 { for tenant in 0..<200 { fleet.enqueue(g, fleet.newWaiter(), tenant: "t\(tenant)") } }
        fleet.check("filling")
        fleet.auditsEachStep = true
        fleet.cap(g, "*", 2)
        #expect(!fleet.look().todo.isEmpty)
        fleet.cap(g, "*", 0)
        fleet.accept(w, held[0])
        fleet.release(w, held[0])
        fleet.ready(w, held[0])
        #expect(fleet.look().slots[w.id]![0].state == "free", "nobody may hold anything now")
        var calls = 0
        while fleet.sweep(g).moreToDo { calls += 1 }
        #expect(calls >= 2 && calls < 20)
        fleet.cap(g, "*", 5)
        while fleet.sweep(g).moreToDo {}
        #expect(fleet.look().slots[w.id]![0].state == "leased")
    }

    @Test func aFullQueueRefusesWhoWouldWait() {
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["x|||raw", "y|||raw"], probedBy: g)
        fleet.cap(g, "a", 2, queueMax: 2)
        fleet.enqueue(g, fleet.newWaiter())
        for _ in 0..<2 { #expect(fleet.enqueue(g, fleet.newWaiter()).status == "queued") }
        let refused = fleet.enqueue(g, fleet.newWaiter())
        #expect(refused.status == "refused" && refused.text(0) == "tenant_queue_full" && refused.text(1) == "2")
        #expect(fleet.enqueue(g, fleet.newWaiter(), "y|||raw").status == "granted", "who need not wait is served")
        fleet.cap(g, "b", 1, queueMax: 0)
        #expect(fleet.enqueue(g, fleet.newWaiter(), tenant: "b").text(0) == "tenant_queue_full")
        let after = fleet.look()
        #expect(fleet.enqueue(g, fleet.newWaiter(), wait: false).text(0) == "would_wait")
        #expect(fleet.look() == after)
    }

    @Test func aFullFleetRefusesWhoWouldWait() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "y|||raw"], probedBy: g)
        fleet.settings(g, "declare", [("queue", "2")], last: true)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        for tenant in ["b", "c"] {
            #expect(fleet.enqueue(g, fleet.newWaiter(), tenant: tenant).status == "queued")
        }
        let refused = fleet.enqueue(g, fleet.newWaiter(), tenant: "d")
        #expect(refused.status == "refused" && refused.text(0) == "queue_full" && refused.text(1) == "2")
        #expect(fleet.enqueue(g, fleet.newWaiter(), "y|||raw").status == "granted", "who need not wait is served")
        fleet.order("queue", "1")
        fleet.accept(w, grant)
        fleet.release(w, grant)
        fleet.ready(w, grant)
        #expect(fleet.enqueue(g, fleet.newWaiter()).text(0) == "queue_full", "one waits, and nobody was put out")
        fleet.order("queue", "2")
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "queued")
    }

    @Test func refusalsNameWhatThereIs() {
        let g = fleet.gateway()
        let none = fleet.enqueue(g, fleet.newWaiter(), "x|||raw")
        #expect(none.status == "refused" && none.text(0) == "unknown_pool")
        let w = fleet.worker(pools: ["c:d|chromium|1.65|raw", "c:d|chromium|1.64|raw"], probedBy: g)
        let other = fleet.enqueue(g, fleet.newWaiter(), "|chromium|1.60|raw")
        #expect(other.text(0) == "version_mismatch" && other.text(1) == "1.64 1.65")
        #expect(fleet.enqueue(g, fleet.newWaiter(), "|firefox||raw").text(0) == "unknown_pool")
        #expect(fleet.enqueue(g, fleet.newWaiter(), "c:d|chromium|1.65|raw").status == "granted")
        fleet.drain(w, leave: true)
        #expect(
            fleet.enqueue(g, fleet.newWaiter(), "c:d|chromium|1.65|raw").status == "queued",
            "it was served, it may wait")
        let returning = fleet.enqueue(g, fleet.newWaiter(), "nowhere|||raw", ticket: 5)
        #expect(returning.status == "queued" && returning.text(0) == "5", "who comes back is not refused")
    }

    @Test func aPoolServesItsProtocolAlone() {
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["c:d|chromium|1.65|raw", "c:d|chromium|1.64|cdp"], probedBy: g)
        func enqueue(_ selector: String) -> Outcome { fleet.enqueue(g, fleet.newWaiter(), selector) }
        let mismatch = enqueue("|chromium|1.64|raw")
        #expect(mismatch.text(0) == "version_mismatch" && mismatch.text(1) == "1.65")
        #expect(enqueue("c:d|chromium||bidi").text(0) == "unknown_pool")
        let granted = enqueue("c:d|chromium||cdp")
        #expect(granted.status == "granted")
        let waits = enqueue("c:d|chromium||cdp")
        #expect(waits.status == "queued", "the free slot has another protocol")
        #expect(enqueue("c:d|chromium||raw").status == "granted")
        #expect(fleet.audit() == [])
    }

    @Test func selectorsAreBoundedAndForgottenWhenIdle() {
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        fleet.cap(g, "b", 0)
        let ids = (0..<16).map { index in
            let id = fleet.newWaiter()
            let selector = ["", "x", "*", "x:y", "x:y:z"][index % 5] + "|||raw"
            #expect(
                fleet.enqueue(g, id, index < 5 ? selector : "x:s\(index)|||raw", ticket: 1_000 + index).status
                    == "queued")
            return id
        }
        #expect(fleet.enqueue(g, fleet.newWaiter(), "x:more|||raw", ticket: 1).text(0) == "too_many_selectors")
        #expect(fleet.enqueue(g, fleet.newWaiter(), "x|||raw").status == "queued", "one it waits in already")
        for id in ids { fleet.cancel(g, id) }
        let count = fleet.redis("SCARD", "berth:{t}:selectors").string
        fleet.live(9, [g])
        #expect(fleet.redis("SCARD", "berth:{t}:selectors").string == count)
        fleet.live(3, [g])
        #expect(fleet.redis("SMEMBERS", "berth:{t}:selectors").strings == ["x|||raw"])
    }

    @Test func aHeadStartIsBoundedByTheTenantsLimit() {
        let g = fleet.gateway()
        fleet.cap(g, "a", 9, priority: 10)
        fleet.cap(g, "b", 9)
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let busy = fleet.enqueue(g, fleet.newWaiter(), tenant: "z").grant!
        let ids = (0..<4).map { _ in fleet.newWaiter() }
        fleet.advance(milliseconds: 1)
        fleet.enqueue(g, ids[0], tenant: "b")
        fleet.advance(milliseconds: 1_000)
        fleet.enqueue(g, ids[1], tenant: "b", head: 1_000)
        fleet.enqueue(g, ids[2], tenant: "a", head: 1)
        fleet.advance(milliseconds: 1_500)
        fleet.enqueue(g, ids[3], tenant: "a", head: 999_999)
        #expect(
            fleet.look().line
                == [ids[3], ids[0], ids[2], ids[1]].sorted { a, b in
                    let waiters = fleet.look().waiters
                    return waiters[a]!.score < waiters[b]!.score
                })
        #expect(fleet.look().line.first == ids[3] && fleet.look().line.last == ids[1])
        let scores = ids.map { fleet.look().waiters[$0]!.score }
        #expect(scores[0] - scores[3] == 10_000_000 - 2_500_000)
        fleet.accept(w, busy)
        fleet.release(w, busy)
        fleet.ready(w, busy)
        #expect(fleet.look().waiters[ids[3]]?.state == "granted")
    }

    @Test func aFullRedisRefusesNewWaitersAndNothingElse() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        let waiting = fleet.newWaiter()
        fleet.enqueue(g, waiting)
        fleet.redis("CONFIG", "SET", "maxmemory", "1")
        fleet.auditsEachStep = false
        #expect(fleet.enqueue(g, fleet.newWaiter()).status.hasPrefix("OOM"))
        #expect(fleet.cap(g, "a", 1).status.hasPrefix("OOM"))
        #expect(fleet.accept(w, grant).status == "accepted")
        #expect(fleet.release(w, grant).status == "ok")
        #expect(fleet.ready(w, grant).status == "ok")
        #expect(Grant(payload: ear.next().text)?.lease.waiter.text == waiting)
        #expect(fleet.collect(g).grants.count == 1)
        #expect(fleet.renew(g).status == "ok")
        #expect(fleet.renew(w).status == "ok")
        #expect(fleet.sweep(g).status == "ok")
        #expect(fleet.cancel(g, waiting).status == "ok")
        #expect(fleet.register(Caller("gateway", "late")).status == "ok")
        fleet.redis("CONFIG", "SET", "maxmemory", "0")
        fleet.check("the shortage")
    }
}
