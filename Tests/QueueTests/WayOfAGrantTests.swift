import QueueCore
import Testing

@Suite struct WayOfAGrantTests {
    let fleet = Fleet()

    @Test func aGrantGoesFromEnqueueToReadyAndEachStepTwiceChangesNothingMore() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(g, w)
        let (first, second) = (fleet.newWaiter(), fleet.newWaiter())
        let granted = fleet.enqueue(g, first)
        #expect(granted.status == "granted")
        #expect(fleet.enqueue(g, first).values == granted.values)
        let queued = fleet.enqueue(g, second)
        #expect(queued.status == "queued")
        #expect(fleet.enqueue(g, second).values == queued.values)
        #expect(queued.ticket > granted.ticket)
        let grant = granted.grant!
        #expect(fleet.collect(g).grants == [grant])
        #expect(fleet.collect(g).grants == [grant], "kept until acknowledged")
        #expect(fleet.collect(g, [grant.letter]).grants == [])
        for _ in 0..<2 {
            let accepted = fleet.accept(w, grant)
            #expect(accepted.status == "accepted" && accepted.text(0) == "a")
        }
        for _ in 0..<2 { #expect(fleet.release(w, grant).status == "ok") }
        #expect(fleet.look().slots[w.id]![0].state == "recycling")
        #expect(fleet.ready(w, grant).status == "ok")
        let next = Grant(payload: ear.next().text)!
        #expect(next.lease.waiter.text == second && next.token > grant.token)
        #expect(fleet.ready(w, grant).status == "later", "a newer token has been granted there")
        fleet.cancel(g, second, lease: next.lease.description)
        #expect(fleet.look().slots[w.id]![0].state == "free", "never dialed: free at once")
        #expect(fleet.look().waiters.isEmpty)
    }

    /// After lost data the same lease may stand elsewhere, under another token.
    @Test func acceptAndReleaseWithAnotherTokenOrSlotChangeNothing() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        let older = Token(epoch: grant.token.epoch, number: grant.token.number - 1)
        let others = [(grant.slot, older), (1 - grant.slot, grant.token)].map { slot, token in
            Grant(
                lease: grant.lease, worker: grant.worker, slot: slot, address: grant.address, pool: grant.pool,
                token: token)
        }
        for other in others { #expect(fleet.accept(w, other).status == "ended") }
        #expect(fleet.look().waiters[grant.lease.waiter.text]?.state == "granted")
        #expect(fleet.accept(w, grant).status == "accepted")
        for other in others { fleet.release(w, other) }
        #expect(fleet.look().slots[w.id]?[grant.slot].state == "leased")
        #expect(fleet.look().held["a"] == [grant.lease.description])
    }

    @Test func aSlotThatIsFitAtItsReleaseIsGrantedInTheSameCall() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        let first = fleet.enqueue(g, fleet.newWaiter()).grant!
        let second = fleet.newWaiter()
        fleet.enqueue(g, second)
        fleet.accept(w, first)
        #expect(fleet.release(w, first, isFit: true).status == "ok")
        let next = Grant(payload: ear.next().text)!
        #expect(next.lease.waiter.text == second && next.token > first.token)
        #expect(fleet.release(w, first, isFit: true).status == "ok", "a second time")
        #expect(fleet.look().slots[w.id]?[0].lease == next.lease.description, "a young lease is not freed")
        fleet.accept(w, next)
        fleet.release(w, next, isFit: true)
        #expect(fleet.look().slots[w.id]?[0].state == "free")
    }

    /// Another tenant's place is free too, and its waiter may fit a slot of another pool.
    @Test func aFitReleaseDispatchesForTheTenantInAllItsPools() {
        let g = fleet.gateway()
        fleet.cap(g, "a", 1)
        let w = fleet.worker(pools: ["x|||raw", "y|||raw"], probedBy: g)
        let first = fleet.enqueue(g, fleet.newWaiter(), "x|||raw").grant!
        #expect(fleet.enqueue(g, fleet.newWaiter(), "y|||raw").status == "queued")
        fleet.accept(w, first)
        fleet.release(w, first, isFit: true)
        #expect(fleet.look().slots[w.id]?.map(\.state) == ["free", "leased"])
    }

    /// The lease ended by time, or by an operator, before the worker's call arrived.
    @Test func aFitReleaseOfAnEndedLeaseFreesTheSlotByTheRuleOfReady() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        fleet.release(w, grant)
        let older = Grant(
            lease: grant.lease, worker: grant.worker, slot: 0, address: "-", pool: "-",
            token: Token(epoch: grant.token.epoch, number: grant.token.number - 1))
        fleet.release(w, older, isFit: true)
        #expect(fleet.look().slots[w.id]?[0].state == "recycling", "an older token frees nothing")
        fleet.release(w, grant, isFit: true)
        #expect(fleet.look().slots[w.id]?[0].state == "free")
    }

    @Test func aFitReleaseOnADrainingWorkerFreesNothing() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        fleet.drain(w)
        fleet.release(w, grant, isFit: true)
        #expect(fleet.look().slots[w.id]?[0].state == "draining")
    }
}
