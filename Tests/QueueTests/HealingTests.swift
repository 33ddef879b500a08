import QueueCore
import Testing

@Suite struct HealingTests {
    let fleet = Fleet()
    var prefix: String { "berth:{t}:" }

    private func slot(_ worker: Caller, _ index: Int = 0) -> Look.Slot { fleet.look().slots[worker.id]![index] }

    @Test func aRenewHealsOneLostWrite() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        // A lost accept.
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        let row = fleet.row(grant.slot, "leased", grant.token, grant.lease, tenant: "a")
        fleet.renew(w, [row])
        #expect(fleet.look().waiters[grant.lease.waiter.text]?.state == "accepted")
        // An old number is ignored, whatever it says.
        #expect(fleet.run("renew", w, ["1", "", "0", "", fleet.row(0, "recycling", grant.token)]).status == "ok")
        #expect(slot(w, grant.slot).state == "leased")
        // A lost release: its waiter has its place back until its gateway cancels the grant nobody asked for.
        let ear = fleet.listen(g)
        fleet.renew(w, [fleet.row(grant.slot, "recycling", grant.token)])
        let ghost = Grant(payload: ear.next().text)!
        #expect(ghost.lease.attempt == 2)
        fleet.cancel(g, ghost.lease.waiter.text, lease: ghost.lease.description)
        // A lost ready.
        #expect(slot(w, grant.slot).state == "recycling")
        fleet.renew(w, [fleet.row(grant.slot, "free", grant.token)])
        #expect(slot(w, grant.slot).state == "free")
        #expect(fleet.look().waiters.isEmpty && fleet.look().held.isEmpty)
    }

    @Test func aLostGrantIsDeclaredAndItsWaiterLeavesTheQueue() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        let id = fleet.newWaiter()
        fleet.enqueue(g, id)
        let lease = LeaseID(waiter: WaiterID(id)!, attempt: 1)
        let token = Token(epoch: g.history.epoch, number: 77)
        fleet.renew(w, [fleet.row(0, "leased", token, lease, tenant: "a")])
        #expect(fleet.look().waiters[id]?.state == "accepted")
        #expect(fleet.field("lease:\(lease)", "over") == "1", "above its cap, marked")
        #expect(fleet.field("state", "seq") == "77")
        fleet.release(w, Grant(lease: lease, worker: ProcessID(w.id)!, slot: 0, address: "-", pool: "-", token: token))
        #expect(fleet.look().waiters.isEmpty && slot(w).state == "recycling")
        #expect(
            fleet.renew(w, [fleet.row(0, "leased", token, lease, tenant: "a")]).texts(0) == ["close \(lease) ended"])
        #expect(slot(w).state == "recycling")
    }

    @Test func aDeclaredLeaseTakesItsWaiterFromThoseSetAside() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        let ids = (0..<2).map { _ in fleet.newWaiter() }
        for id in ids { fleet.enqueue(g, id) }
        // Nobody hears of the first grant, so the second waiter is set aside.
        fleet.cap(g, "a", 2)
        #expect(fleet.look().waiters[ids[1]]?.state == "aside")
        let lease = LeaseID(waiter: WaiterID(ids[1])!, attempt: 1)
        fleet.renew(w, [fleet.row(1, "leased", Token(epoch: g.history.epoch, number: 77), lease, tenant: "a")])
        #expect(fleet.look().waiters[ids[1]]?.state == "accepted")
        fleet.collect(g)
        #expect(fleet.look().waiters[ids[1]]?.state == "accepted")
    }

    @Test func aLeaseDeclaredElsewhereThanGrantedTakesItsWaiterOutOfThatGrant() {
        let g = fleet.gateway()
        let w = fleet.worker("w", pools: ["x|||raw"], probedBy: g)
        let w2 = Caller("worker", "w2")
        fleet.register(w2, pools: ["x|||raw"])
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        let token = Token(epoch: grant.token.epoch, number: grant.token.number + 9)
        for lease in [grant.lease, LeaseID(waiter: grant.lease.waiter, attempt: 9)] {
            fleet.renew(w2, [fleet.row(0, "leased", token, lease, tenant: "a")])
            #expect(slot(w).state == "recycling")
            #expect(slot(w2).lease == lease.description)
        }
        #expect(fleet.accept(w, grant).status == "ended")
    }

    @Test func aLeaseThatTimeEndedIsTakenBackByItsHolder() {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        fleet.live(12, [g])
        #expect(fleet.look().slots.isEmpty && fleet.look().held.isEmpty)
        let back = fleet.register(
            w, pools: ["x|||raw"], rows: [fleet.row(0, "leased", grant.token, grant.lease, tenant: "a")])
        #expect(back.status == "ok" && back.texts(0) == [])
        #expect(slot(w).state == "leased" && fleet.look().held["a"] == [grant.lease.description])
        fleet.release(w, grant)
        fleet.ready(w, grant)
        #expect(slot(w).state == "free")
        _ = ear
    }

    @Test func aYoungLeaseIsNeverFreedAndAnUnseenTokenIsTold() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        #expect(fleet.renew(w, [fleet.row(0, "free")]).texts(0) == [])
        #expect(slot(w).state == "leased")
        fleet.cancel(g, grant.lease.waiter.text, lease: grant.lease.description, dialed: true)
        #expect(fleet.ready(w, slot: 0, .none).status == "later")
        #expect(
            fleet.renew(w, [fleet.row(0, "free")]).texts(0) == ["recycle 0 \(grant.token.epoch) \(grant.token.number)"])
        #expect(slot(w).state == "recycling")
        fleet.ready(w, grant)
        #expect(slot(w).state == "free")
    }

    @Test func aSlotThatBrokeIdleIsNotGranted() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.cancel(g, grant.lease.waiter.text)
        #expect(slot(w).state == "free")
        for state in ["recycling", "out"] {
            fleet.renew(w, [fleet.row(0, state)])
            #expect(slot(w).state == state, "though its token is older than the one never dialed")
            let token = grant.token
            fleet.renew(w, [fleet.row(0, "free", token)])
            #expect(slot(w).state == "free")
        }
    }

    @Test func aSlotThatWasOutComesBackUnderATokenItsWorkerNeverSaw() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cancel(g, fleet.enqueue(g, fleet.newWaiter()).grant!.lease.waiter.text)
        fleet.renew(w, [fleet.row(0, "out")])
        #expect(slot(w).state == "out")
        #expect(fleet.renew(w, [fleet.row(0, "free")]).texts(0) == [])
        #expect(slot(w).state == "free")
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "granted")
    }

    @Test func noTokenIsGivenTwiceWhateverRowShowsIt() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.renew(w, [fleet.row(0, "recycling", Token(epoch: g.history.epoch, number: 500))])
        fleet.renew(w, [fleet.row(0, "free", Token(epoch: g.history.epoch, number: 500))])
        #expect(fleet.enqueue(g, fleet.newWaiter()).grant?.token.number == 501)
    }

    // MARK: - Lost data

    @Test func anEmptiedRedisOpensOneEpochAndHoldsOffUntilAllIsBack() {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 1)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        let queued = fleet.enqueue(g, fleet.newWaiter())
        let epoch = Int(g.history.epoch)
        fleet.redis("FLUSHALL")
        fleet.setClock()
        fleet.advance(milliseconds: 1_000)
        // A newborn comes first, and its epoch is guarded all the same.
        let newborn = Caller("worker", "new")
        #expect(!fleet.register(newborn, pools: ["x|||raw"]).holdingOff)
        #expect(fleet.collect(g).status == "unknown")
        #expect(g.history.epoch > epoch)
        let opened = Int(g.history.epoch)
        let back = fleet.register(g)
        #expect(back.holdingOff && back.epoch == opened)
        #expect(fleet.renew(w).status == "unknown")
        #expect(
            fleet.register(w, pools: ["x|||raw"], rows: [fleet.row(0, "leased", grant.token, grant.lease, tenant: "a")])
                .epoch == opened, "many callers open one")
        #expect(fleet.renew(newborn).epoch == opened)
        fleet.cap(g, "a", 1)
        let again = fleet.newWaiter()
        let returned = fleet.enqueue(g, again, ticket: queued.ticket, attempt: 0)
        #expect(returned.status == "queued" && returned.text(0) == String(queued.ticket))
        #expect(
            fleet.enqueue(g, fleet.newWaiter(), "never:seen|||raw").status == "queued", "nothing is refused as unknown")
        fleet.probed(g, newborn, true)
        let late = fleet.enqueue(g, fleet.newWaiter(), tenant: "b")
        #expect(late.status == "queued" && late.ticket > queued.ticket, "nothing is dispatched")
        fleet.live(11, [g, w, newborn])
        #expect(fleet.look().slots[newborn.id]![0].state == "free")
        fleet.live(2, [g, w, newborn])
        var next: Grant?
        while next == nil { next = Grant(payload: ear.next().text) }
        #expect(
            next?.lease.waiter.text == fleet.look().waiters.first { $0.value.tenant == "b" }?.key, "a is at its cap")
        fleet.release(w, grant)
        fleet.ready(w, grant)
        fleet.probed(g, w, true)
        #expect(fleet.look().waiters[again]?.state == "granted")
        #expect(fleet.collect(g).epoch == opened)
    }

    @Test func aLostTailIsSeenByWhoLostACommitWhateverTheOthersDid() {
        let g = fleet.gateway("g")
        let g2 = fleet.gateway("g2")
        let ears = fleet.listen(g, g2)
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let saved = fleet.snapshot()
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        let queued = fleet.enqueue(g, fleet.newWaiter())
        let epoch = g.history.epoch
        fleet.restore(saved)
        // Others' traffic does not mask it.
        for _ in 0..<20 { fleet.collect(g2) }
        #expect(g2.history.epoch == epoch)
        let found = fleet.renew(w, [fleet.row(grant.slot, "leased", grant.token, grant.lease, tenant: "a")])
        #expect(found.holdingOff && found.epoch > epoch)
        #expect(fleet.look().held["a"] == [grant.lease.description])
        #expect(fleet.collect(g).epoch == found.epoch && fleet.collect(g2).epoch == found.epoch)
        #expect(fleet.enqueue(g2, fleet.newWaiter()).ticket > queued.ticket - 1_000_000_000)
        fleet.live(13, [w, g, g2])
        #expect(!fleet.collect(g).holdingOff)
        let fresh = fleet.enqueue(g, fleet.newWaiter(), tenant: "b")
        #expect(fresh.ticket > queued.ticket)
        let next = fleet.collect(g).grants + fleet.collect(g2).grants
        #expect(next.allSatisfy { $0.token > grant.token && $0.slot != grant.slot })
        _ = ears
    }
}
