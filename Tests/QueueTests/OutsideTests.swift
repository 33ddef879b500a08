import QueueCore
import Testing

/// Waiters and sessions that neither their gateway nor their worker ended, but somebody else.
@Suite struct OutsideTests {
    let fleet = Fleet()

    private func key(_ rest: String) -> String { fleet.keys.prefix + rest }
    private func ended(_ waiter: String, _ why: String = "request") -> String { "ended:\(waiter):\(why)" }

    @Test func whoWaitsEndsAtOnceAndItsGatewayIsToldUntilItAcknowledges() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        let id = fleet.newWaiter()
        fleet.enqueue(g, id, run: "r")
        #expect(fleet.finish(fleet.nobody, "waiter", id, tenant: "b").status == "not_found", "another tenant's")
        #expect(fleet.finish(fleet.nobody, "waiter", id).values == [.integer(1)])
        #expect(ear.next().text == "ended \(id) request")
        #expect(fleet.look().line == [] && fleet.look().waiters[id]?.state == "ended")
        #expect(fleet.finish(g, "waiter", id).status == "not_found")
        let again = fleet.enqueue(g, id, run: "r")
        #expect(again.status == "gone" && again.text(0) == "request", "an enqueue asked again brings nobody back")
        for _ in 0..<2 { #expect(fleet.collect(g).ends == ["\(id) request"]) }
        #expect(fleet.collect(g, [ended(id)]).ends == [])
        #expect(fleet.look().waiters[id] == nil)
        #expect(fleet.collect(g, [ended(id)]).ends == [], "acknowledged twice")
        fleet.accept(w, grant)
    }

    @Test func theGatewaysCancelAcknowledgesToo() {
        let g = fleet.gateway()
        let id = fleet.newWaiter()
        _ = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        fleet.enqueue(g, id)
        fleet.finish(g, "waiter", id)
        fleet.cancel(g, id)
        #expect(fleet.look().waiters.isEmpty && fleet.collect(g).ends == [])
    }

    @Test func whoWasSetAsideEndsToo() {
        let g = fleet.gateway()
        let other = fleet.gateway("other")
        _ = fleet.worker(pools: ["x|||raw"], probedBy: other)
        let ids = (0..<3).map { _ in fleet.newWaiter() }
        for id in ids { fleet.enqueue(g, id) }
        _ = fleet.worker("w2", pools: ["x|||raw", "x|||raw"], probedBy: other)
        #expect(fleet.look().waiters.values.contains { $0.state == "aside" })
        #expect(fleet.finish(other, "tenant", "").status == "ok")
        #expect(Set(fleet.collect(g).ends).count == 3)
        #expect(!fleet.look().waiters.values.contains { $0.state == "aside" || $0.state == "queued" })
    }

    @Test func whoWasGrantedIsItsGatewaysToCancel() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        let id = fleet.newWaiter()
        let grant = fleet.enqueue(g, id).grant!
        fleet.finish(fleet.nobody, "waiter", id)
        #expect(ear.next().text == "ended \(id) request")
        #expect(fleet.accept(w, grant).status == "ended", "nobody is served who was ended")
        #expect(fleet.collect(g).ends == ["\(id) request"])
        #expect(fleet.finish(fleet.nobody, "waiter", id).values == [.integer(0)])
        fleet.collect(g, [ended(id)])
        fleet.cancel(g, id, lease: grant.lease.description, dialed: true)
        #expect(fleet.look().waiters.isEmpty && fleet.look().held.isEmpty)
    }

    @Test func whoWasGrantedAndEndedDoesNotGoBackAtItsDeadlineNorByAVerdict() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let (late, failed) = (fleet.enqueue(g, fleet.newWaiter()).grant!, fleet.enqueue(g, fleet.newWaiter()).grant!)
        for grant in [late, failed] { fleet.finish(fleet.nobody, "waiter", grant.lease.waiter.text) }
        let verdict = fleet.reject(g, failed, .occupied)
        #expect(verdict.status == "gone" && verdict.text(0) == "request")
        #expect(fleet.reject(g, failed, .occupied).status == "gone")
        fleet.live(6, [g, w])
        #expect(fleet.look().waiters.values.allSatisfy { $0.state == "ended" })
        #expect(fleet.collect(g).ends.count == 2)
        fleet.collect(g, [late, failed].map { ended($0.lease.waiter.text) })
        #expect(fleet.look().waiters.isEmpty && fleet.look().held.isEmpty)
    }

    @Test func aSessionIsItsWorkersToEnd() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let ear = fleet.listen(w)
        for what in ["lease", "waiter"] {
            let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
            fleet.accept(w, grant)
            let subject = what == "lease" ? grant.lease.description : grant.lease.waiter.text
            #expect(fleet.finish(g, what, subject, tenant: "b").status == "not_found")
            #expect(fleet.finish(g, what, subject).values == [.integer(1)])
            #expect(ear.next().text == "close \(grant.lease) request")
            #expect(fleet.finish(g, what, subject).values == [.integer(0)])
            fleet.release(w, grant)
            #expect(fleet.finish(g, what, subject).status == "not_found")
        }
        #expect(fleet.look().waiters.isEmpty && fleet.collect(g).ends == [])
    }

    @Test func aRunEndsWithItsWaitersAndSessionsAndNobodyElses() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let ear = fleet.listen(w)
        let run = "ci:1/2"
        let served = fleet.enqueue(g, fleet.newWaiter(), run: run).grant!
        fleet.accept(w, served)
        let granted = fleet.enqueue(g, fleet.newWaiter(), run: run).grant!
        let ids = (0..<3).map { _ in fleet.newWaiter() }
        for id in ids { fleet.enqueue(g, id, run: run) }
        let others = [fleet.newWaiter(), fleet.newWaiter()]
        fleet.enqueue(g, others[0], run: "other")
        fleet.enqueue(g, others[1], tenant: "b", run: run)
        #expect(fleet.finish(g, "run", run).values == [.integer(5)])
        #expect(ear.next().text == "close \(served.lease) request")
        #expect(fleet.look().line == others)
        #expect(Set(fleet.collect(g).ends) == Set((ids + [granted.lease.waiter.text]).map { "\($0) request" }))
        let later = fleet.newWaiter()
        fleet.enqueue(g, later, run: run)
        #expect(fleet.look().line == others + [later])
        #expect(fleet.redis("ZRANGE", key("tenant:a:run:\(run)"), "0", "-1").strings == [later])
    }

    @Test func aRunsEndGoesOnInSlicesAndLeavesOutWhoCameLater() {
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        fleet.auditsEachStep = false
        for _ in 0..<300 { fleet.enqueue(g, fleet.newWaiter(), run: "r") }
        var outcome = fleet.finish(fleet.nobody, "run", "r")
        #expect(outcome.values == [.integer(128)] && outcome.moreToDo)
        let later = fleet.newWaiter()
        fleet.enqueue(g, later, run: "r")
        repeat { outcome = fleet.sweep(g) } while outcome.moreToDo
        #expect(fleet.look().line == [later])
        var ends: Set<String> = []
        var acknowledged: [String] = []
        repeat {
            outcome = fleet.collect(g, acknowledged)
            ends.formUnion(outcome.ends)
            acknowledged = outcome.ends.map { ended(String($0.prefix(32))) }
        } while !acknowledged.isEmpty
        #expect(ends.count == 300)
        fleet.check("a run's end")
        #expect(fleet.look().waiters.count == 1)
    }

    @Test func aTenantsAllEndsInSlicesWhoeverHasAHeadStart() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: Array(repeating: "x|||raw", count: 150), probedBy: g)
        fleet.auditsEachStep = false
        fleet.cap(g, "a", 150, queueMax: 1_000, priority: 10)
        for _ in 0..<150 { fleet.accept(w, fleet.enqueue(g, fleet.newWaiter()).grant!) }
        for _ in 0..<200 { fleet.enqueue(g, fleet.newWaiter()) }
        let other = fleet.newWaiter()
        fleet.enqueue(g, other, tenant: "b")
        var outcome = fleet.finish(fleet.nobody, "tenant", "")
        fleet.advance(milliseconds: 1)
        let later = fleet.newWaiter()
        fleet.enqueue(g, later, head: 10)
        while outcome.moreToDo { outcome = fleet.sweep(g) }
        #expect(Set(fleet.look().line) == [other, later])
        fleet.check("a tenant's end")
        let endings = (0..<150).map { fleet.field("slot:\(w.id)/\($0)", "ending") }
        #expect(endings.allSatisfy { $0 == "request" })
    }

    @Test func aDeadGatewaysEndedWaitersGoWithIt() {
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        let id = fleet.newWaiter()
        fleet.enqueue(g, id, run: "r")
        fleet.finish(fleet.nobody, "waiter", id)
        fleet.drain(g, leave: true)
        #expect(fleet.look().waiters.isEmpty)
        #expect(fleet.redis("KEYS", key("gateway:*")).strings == [])
    }

    /// Its worker comes back after Redis lost everything: the run still ends its session.
    @Test func aRunFindsASessionThatWasDeclaredAgain() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let lease = LeaseID(fleet.newWaiter() + ".1")!
        let token = Token(epoch: g.history.epoch, number: 77)
        fleet.renew(w, [fleet.row(0, "leased", token, lease, keep: 0, run: "r")])
        #expect(fleet.finish(g, "run", "r").values == [.integer(1)])
        let orders = fleet.renew(w, [fleet.row(0, "leased", token, lease, keep: 0, run: "r")]).texts(0)
        #expect(orders == ["close \(lease) request"])
        fleet.renew(w, [fleet.row(0, "recycling", token)])
        #expect(fleet.look().held.isEmpty && fleet.redis("KEYS", key("tenant:*")).strings == [])
    }
}
