import QueueCore
import Testing

@Suite struct SuspensionTests {
    let fleet = Fleet()

    @Test func aWakeUpNobodyHearsSuspendsUntilTheNextCollect() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        let ids = (0..<3).map { _ in fleet.newWaiter() }
        for id in ids { fleet.enqueue(g, id) }
        let g2 = fleet.gateway("g2")
        fleet.cap(g2, "a", 9)
        #expect(fleet.look().marks[g.id] == "silent")
        #expect(ids.map { fleet.look().waiters[$0]!.state } == ["granted", "aside", "aside"], "one grant, no more")
        #expect(fleet.enqueue(g2, fleet.newWaiter()).status == "granted", "another's waiter passes")
        // The collect's own reply carries what it makes possible.
        fleet.ready(w, slot: 1, .none)
        let third = fleet.look()
        #expect(third.marks[g.id] == "silent")
        let grant = fleet.collect(g).grants[0]
        #expect(fleet.look().marks[g.id] == nil)
        fleet.accept(w, grant)
        fleet.release(w, grant)
        fleet.ready(w, grant)
        #expect(fleet.look().waiters[ids[1]]?.state == "granted")
        let served = fleet.collect(g)
        #expect(served.grants.map(\.lease.waiter.text) == [ids[1]])
    }

    @Test func anAcceptDeadlineRecyclesTheSlotAndSuspendsTheGateway() {
        let g = fleet.gateway()
        let other = fleet.gateway("other")
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ears = fleet.listen(g, other)
        let control = fleet.listen(w)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.live(4, [other, g, w])
        #expect(fleet.look().slots[w.id]![0].state == "leased")
        fleet.live(2, [other, g, w])
        #expect(fleet.look().slots[w.id]![0].state == "recycling")
        #expect(fleet.look().marks[g.id] == "deadline")
        #expect(fleet.look().waiters[grant.lease.waiter.text]?.state == "queued")
        #expect(control.next().text.hasPrefix("recycle 0 "))
        #expect(fleet.accept(w, grant).status == "ended")
        fleet.ready(w, grant)
        #expect(fleet.look().waiters[grant.lease.waiter.text]?.state == "aside")
        #expect(fleet.collect(g).grants.count == 1)
        _ = ears
    }

    @Test func aGatewaysWaitersAreSetAsideAndPutBackInSlices() {
        let g = fleet.gateway()
        let g2 = fleet.gateway("g2")
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(g2)
        let grant = fleet.enqueue(g2, fleet.newWaiter()).grant!
        fleet.auditsEachStep = false
        for _ in 0..<1_000 { fleet.enqueue(g, fleet.newWaiter()) }
        let last = fleet.newWaiter()
        fleet.enqueue(g2, last)
        fleet.auditsEachStep = true
        fleet.accept(w, grant)
        fleet.release(w, grant)
        fleet.ready(w, grant)
        // The first is granted and not heard; the next free slot passes the other 999.
        fleet.live(6, [g2, w, g])
        #expect(fleet.look().marks[g.id] == "deadline")
        let state = fleet.look().slots[w.id]![0]
        let ready = fleet.ready(w, slot: 0, Token(epoch: Int64(state.epoch), number: Int64(state.number)))
        #expect(fleet.look().waiters.values.count { $0.state == "aside" } == 128)
        #expect(ready.moreToDo)
        var calls = 0
        while fleet.sweep(w).moreToDo { calls += 1 }
        #expect(calls <= 9)
        #expect(fleet.look().waiters[last]?.state == "granted")
        // Its collect puts them back the same way.
        #expect(fleet.collect(g).moreToDo)
        #expect(fleet.look().waiters.values.count { $0.state == "aside" } == 1_000 - 128)
        while fleet.sweep(w).moreToDo {}
        #expect(fleet.look().waiters.values.count { $0.state == "aside" } == 0)
        _ = ear
    }

    @Test(arguments: [1_000, 19_000]) func aDeadGatewayLeavesInSlices(waiters: Int) {
        let g = fleet.gateway()
        let g2 = fleet.gateway("g2")
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g2)
        let ear = fleet.listen(g2)
        fleet.cap(g2, "*", 1_000_000, queueMax: 1_000_000)
        fleet.auditsEachStep = false
        fleet.enqueueMany(g, waiters) { _ in "a" }
        let behind = fleet.newWaiter()
        fleet.enqueue(g2, behind)
        fleet.live(10, [g2, w])
        #expect(fleet.look().waiters.count == 1)
        #expect(fleet.redis("EXISTS", "berth:{t}:gateway:\(g.id)") == .integer(0))
        for index in 0..<2 {
            let slot = fleet.look().slots[w.id]![index]
            if slot.state == "recycling" {
                fleet.ready(w, slot: index, Token(epoch: Int64(slot.epoch), number: Int64(slot.number)))
            }
        }
        #expect(fleet.look().waiters[behind]?.state == "granted")
        fleet.check("the end of a gateway")
        #expect(fleet.collect(g).status == "unknown")
        #expect(fleet.register(g).status == "ok")
        _ = ear
    }

    @Test func aDeadWorkersWaitersGoBackAndItsSessionsPlacesAreFree() {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let w = fleet.worker(pools: Array(repeating: "x|||raw", count: 200), probedBy: g)
        fleet.auditsEachStep = false
        let grants = (0..<200).map { _ in fleet.enqueue(g, fleet.newWaiter()).grant! }
        fleet.auditsEachStep = true
        fleet.accept(w, grants[0])
        let busy = fleet.drain(w, leave: true)
        #expect(busy.moreToDo, "a slice a call")
        #expect(
            fleet.register(w, pools: Array(repeating: "x|||raw", count: 200)).status == "ok", "the rest ends on the way"
        )
        while fleet.sweep(g).moreToDo {}
        let look = fleet.look()
        #expect(look.waiters[grants[0].lease.waiter.text] == nil)
        #expect(look.waiters.values.count { $0.state == "queued" } == 199)
        #expect(look.held.isEmpty)
        #expect(fleet.release(w, grants[0]).status == "ok", "what was left to do did not end its new life")
        _ = ear
    }

    @Test func aDrainingWorkerKeepsWhatItHasAndTakesNoMore() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        for _ in 0..<2 { #expect(fleet.drain(w).status == "ok") }
        #expect(fleet.look().slots[w.id]!.map(\.state) == ["leased", "draining"])
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "queued")
        fleet.release(w, grant)
        fleet.ready(w, grant)
        #expect(fleet.look().slots[w.id]!.map(\.state) == ["draining", "draining"])
        fleet.renew(w, [fleet.row(0, "free", grant.token), fleet.row(1, "free")])
        #expect(fleet.look().slots[w.id]!.map(\.state) == ["draining", "draining"])
    }

    @Test func twoProcessesOfOneNodeDoNotEndEachOtherInTurn() {
        let g = fleet.gateway()
        let older = Caller("worker", "n", generation: 1)
        let newer = Caller("worker", "n", generation: 2)
        fleet.register(older, address: "h:1", pools: ["x|||raw"])
        fleet.register(newer, address: "h:2", pools: ["x|||raw"])
        #expect(fleet.renew(older).texts(1) == ["superseded"])
        #expect(fleet.renew(newer).texts(1) == [])
        // The older was paused until Redis ended it, and comes back.
        fleet.drain(older, leave: true)
        fleet.register(older, address: "h:1", pools: ["x|||raw"])
        #expect(fleet.renew(older).texts(1) == ["superseded"])
        #expect(fleet.renew(newer).texts(1) == [])
        // The same address: the older cannot live, its leases end at once.
        let newest = Caller("worker", "n", generation: 3)
        fleet.register(newest, address: "h:2", pools: ["x|||raw"])
        #expect(fleet.renew(newer).status == "unknown")
        #expect(fleet.renew(newest).texts(1) == [])
        _ = g
    }

    @Test func anOutageOrAClockStepExpiresNothingAtOnce() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.advance(milliseconds: 60_000)
        fleet.sweep(g)
        #expect(fleet.look().workerStates[w.id] == "ok")
        #expect(fleet.accept(w, grant).status == "accepted")
        fleet.live(11, [g, w])
        #expect(fleet.look().workerStates[w.id] == "ok")
        fleet.advance(milliseconds: -3_600_000)
        let before = fleet.look().line.count
        let queued = fleet.enqueue(g, fleet.newWaiter())
        #expect(queued.ticket > Int(grant.token.number) && fleet.look().line.count == before + 1)
        fleet.live(2, [g])
        #expect(fleet.look().workerStates[w.id] == "ok")
        fleet.live(22, [g])
        #expect(fleet.look().workerStates[w.id] == nil, "a deadline far off counts from the step")
    }
}
