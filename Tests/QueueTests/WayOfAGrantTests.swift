import QueueCore
import Testing

@Suite struct WayOfAGrantTests {
    let fleet = Fleet()

    @Test func aGrantGoesFromEnqueueToReadyAndEachStepTwiceChangesNothingMore() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x||"], probedBy: g)
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
        #expect(fleet.collect(g, [grant.lease.description]).grants == [])
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
        let w = fleet.worker(pools: ["x||", "x||"], probedBy: g)
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
}
