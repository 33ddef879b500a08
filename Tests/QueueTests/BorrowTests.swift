import Queue
import QueueCore
import Testing

/// Leases that outlast a connection: borrowed ones before their first client, kept ones after one that dropped.
@Suite struct BorrowTests {
    let fleet = Fleet()

    private func start(slots: Int = 1) -> (Caller, Caller) {
        let g = fleet.gateway()
        return (g, fleet.worker(pools: Array(repeating: "x|||raw", count: slots), probedBy: g))
    }
    private func state(_ w: Caller, _ slot: Int = 0) -> String { fleet.look().slots[w.id]![slot].state }
    private func state(of lease: LeaseID) -> String {
        fleet.field("lease:\(lease)", "state")
    }
    private func isForgotten() -> Bool { fleet.look().waiters.isEmpty && fleet.look().held.isEmpty }

    /// A session that was kept once: granted, accepted, dropped.
    private func kept(_ g: Caller, _ w: Caller, seconds: Int = 60, run: String = "") -> Grant {
        let grant = fleet.enqueue(g, fleet.newWaiter(), run: run, keep: seconds).grant!
        #expect(fleet.accept(w, grant).values == [.text("a"), .integer(seconds), .text(run)])
        #expect(fleet.keep(w, grant).status == "kept")
        return grant
    }

    @Test func aBorrowedSlotOutlivesItsGatewayAndServesWhoAttaches() {
        let (g, w) = start()
        let other = fleet.gateway("other")
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        for _ in 0..<2 {
            let lent = fleet.reserve(g, grant)
            #expect(lent.status == "reserved" && lent.text(0) == "30000")
        }
        #expect(fleet.collect(g).grants == [])
        fleet.drain(g, leave: true)
        fleet.live(10, [other, w])
        #expect(state(of: grant.lease) == "reserved" && state(w) == "leased")
        #expect(fleet.attach(other, grant.lease, tenant: "b").status == "forbidden")
        let mine = fleet.newWaiter()
        for _ in 0..<2 {
            let attached = fleet.attach(other, grant.lease, attachment: mine)
            #expect(attached.status == "granted" && attached.text(1) == "1")
            #expect(Grant(payload: attached.text(0))?.token == grant.token)
        }
        #expect(fleet.attach(other, grant.lease).status == "already_attached")
        for _ in 0..<2 { #expect(fleet.accept(w, grant).status == "accepted") }
        #expect(fleet.attach(other, grant.lease).status == "already_attached")
        #expect(fleet.keep(w, grant).status == "ended", "it asked for no keep")
        fleet.release(w, grant)
        #expect(fleet.attach(other, grant.lease).status == "gone")
        #expect(isForgotten())
    }

    /// Found in the simulator (seed 5963): what one sweep left of a hold-off's end waited for the next, a second each.
    @Test func moreThanOneSweepMayEndIsEndedByTheNextAtOnce() {
        let (g, w) = start(slots: 200)
        fleet.auditsEachStep = false
        for _ in 0..<200 { fleet.reserve(g, fleet.enqueue(g, fleet.newWaiter()).grant!) }
        // Renewed like a living fleet, and nobody sweeps.
        for _ in 0..<11 {
            fleet.advance(milliseconds: 3_000)
            fleet.renew(g)
            fleet.run("renew", w, ["0"])
        }
        var sweeps = 1
        while fleet.sweep(g).sweepDue { sweeps += 1 }
        #expect(sweeps == 2, "128 and 72")
        fleet.check("two sweeps")
        #expect(isForgotten())
    }

    @Test func aBorrowedSlotNobodyComesForIsGivenBack() {
        let (g, w) = start()
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.reserve(g, grant)
        fleet.live(29, [g, w])
        #expect(state(w) == "leased")
        let ear = fleet.listen(w)
        fleet.live(2, [g, w])
        #expect(state(w) == "recycling" && isForgotten())
        #expect(ear.next().text == "recycle 0 \(grant.token.epoch) \(grant.token.number)")
        #expect(fleet.attach(g, grant.lease).status == "gone")
        #expect(fleet.reserve(g, grant).status == "ended")
    }

    @Test func onlyAnUndialedGrantOfItsOwnIsLent() {
        let (g, w) = start()
        let other = fleet.gateway("other")
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        #expect(fleet.reserve(other, grant).status == "ended")
        fleet.accept(w, grant)
        #expect(fleet.reserve(g, grant).status == "ended")
        #expect(fleet.attach(g, grant.lease).status == "already_attached")
    }

    @Test func aFailedDialPutsItBackWithItsDeadline() {
        let (g, w) = start()
        let other = fleet.gateway("other")
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.reserve(g, grant)
        fleet.live(10, [g, other, w])
        fleet.attach(g, grant.lease)
        #expect(fleet.reject(g, grant, .unreachable, attach: 2).status == "detached", "of a connection that is not")
        #expect(state(of: grant.lease) == "attaching")
        for _ in 0..<2 { #expect(fleet.reject(byWorker: w, grant, .failed).status == "detached") }
        #expect(state(of: grant.lease) == "reserved")
        // What the worker says of a slot that is free there, with the token of that dial, takes nothing away.
        fleet.renew(w, [fleet.row(0, "free", grant.token)])
        fleet.renew(w, [fleet.row(0, "recycling", grant.token)])
        #expect(state(w) == "leased")
        #expect(fleet.attach(other, grant.lease).text(1) == "2")
        #expect(fleet.accept(w, grant).status == "ended", "the first connection is over")
        #expect(fleet.accept(w, grant, attach: 2).status == "accepted")
        #expect(fleet.reject(other, grant, .unreachable, attach: 2).status == "detached", "accepted, not proved")
        #expect(state(of: grant.lease) == "reserved")
        fleet.live(21, [g, other, w])
        #expect(isForgotten())
    }

    @Test func aDialThatNobodyEndsGoesBackAtItsDeadlineForFiveSecondsAtLeast() {
        let (g, w) = start()
        let other = fleet.gateway("other")
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.reserve(g, grant)
        fleet.live(28, [g, other, w])
        fleet.attach(g, grant.lease)
        fleet.live(6, [g, other, w])
        #expect(state(of: grant.lease) == "reserved")
        #expect(fleet.attach(other, grant.lease).text(1) == "2")
    }

    @Test func aWorkerThatCannotServeItEndsIt() {
        let (g, w) = start(slots: 2)
        let stale = fleet.enqueue(g, fleet.newWaiter()).grant!
        let broken = fleet.enqueue(g, fleet.newWaiter()).grant!
        for grant in [stale, broken] {
            fleet.reserve(g, grant)
            fleet.attach(g, grant.lease)
        }
        let last = Token(epoch: stale.token.epoch, number: stale.token.number + 5)
        #expect(fleet.reject(byWorker: w, stale, .stale, last: last).status == "ended")
        fleet.reject(byWorker: w, broken, .failed)
        fleet.renew(w, [fleet.row(1, "out", broken.token)])
        #expect(fleet.attach(g, broken.lease).status == "gone")
        #expect(isForgotten())
    }

    @Test func aDrainingWorkerServesNoNewBorrower() {
        let (g, w) = start(slots: 2)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.reserve(g, grant)
        let session = kept(g, w)
        fleet.drain(w)
        #expect(fleet.attach(g, grant.lease).status == "gone")
        #expect(fleet.attach(g, session.lease).text(1) == "2", "whom it has kept it keeps")
    }

    @Test func aDroppedSessionIsKeptAndTakenUpAgainAndAgain() {
        let (g, w) = start()
        let other = fleet.gateway("other")
        let grant = kept(g, w, run: "r")
        #expect(fleet.accept(w, grant).status == "ended")
        #expect(fleet.keep(w, grant).status == "kept")
        fleet.drain(g, leave: true)
        for attach in 2...3 {
            fleet.live(50, [other, w])
            #expect(state(of: grant.lease) == "kept")
            #expect(fleet.attach(other, grant.lease).text(1) == String(attach))
            #expect(fleet.accept(w, grant, attach: attach).status == "accepted")
            #expect(fleet.keep(w, grant, attach: attach - 1).status == "kept", "an older word changes nothing")
            #expect(state(of: grant.lease) == "accepted")
            #expect(fleet.keep(w, grant, attach: attach).status == "kept")
        }
        #expect(fleet.finish(other, "run", "r").values == [.integer(1)])
        #expect(fleet.attach(other, grant.lease).status == "gone")
        fleet.release(w, grant)
        #expect(isForgotten())
    }

    @Test func atTheEndOfItsTimeAKeptSessionIsItsWorkersToEnd() {
        let (g, w) = start()
        let grant = kept(g, w, seconds: 20)
        let row = fleet.row(0, "kept", grant.token, grant.lease, keep: 20)
        #expect(fleet.renew(w, [row]).texts(0) == [])
        fleet.live(19, [g, w])
        #expect(state(of: grant.lease) == "kept")
        let ear = fleet.listen(w)
        fleet.live(2, [g, w])
        #expect(ear.next().text == "close \(grant.lease) keep")
        for _ in 0..<2 { #expect(fleet.renew(w, [row]).texts(0) == ["close \(grant.lease) keep"]) }
        #expect(fleet.attach(g, grant.lease).status == "gone" && fleet.keep(w, grant).status == "ended")
        fleet.release(w, grant)
        #expect(isForgotten())
    }

    @Test func aFailedAttachLeavesItKept() {
        let (g, w) = start()
        let grant = kept(g, w, seconds: 20)
        fleet.attach(g, grant.lease)
        fleet.renew(w, [fleet.row(0, "kept", grant.token, grant.lease, keep: 20)])
        #expect(state(of: grant.lease) == "attaching")
        #expect(fleet.reject(g, grant, .local, attach: 2).status == "detached")
        #expect(state(of: grant.lease) == "kept")
        fleet.attach(g, grant.lease)
        fleet.finish(g, "lease", grant.lease.description)
        #expect(fleet.accept(w, grant, attach: 3).status == "ended")
        fleet.live(6, [g, w])
        #expect(state(of: grant.lease) == "accepted", "its worker is told until it is gone")
        fleet.release(w, grant)
        #expect(isForgotten())
    }

    @Test func oneLostCommitOfAnAttachmentHealsByTheRow() {
        let (g, w) = start()
        let grant = kept(g, w)
        // The attach and its accept were lost: the worker serves, Redis thinks it kept.
        fleet.renew(w, [fleet.row(0, "leased", grant.token, grant.lease, keep: 60, attach: 2)])
        #expect(state(of: grant.lease) == "accepted")
        // The keep was lost.
        fleet.renew(w, [fleet.row(0, "kept", grant.token, grant.lease, keep: 60, attach: 2)])
        #expect(state(of: grant.lease) == "kept")
        #expect(fleet.attach(g, grant.lease).text(1) == "3")
        // Its release was lost.
        fleet.reject(g, grant, .local, attach: 3)
        fleet.renew(w, [fleet.row(0, "recycling", grant.token)])
        #expect(isForgotten() && state(w) == "recycling")
    }

    @Test func afterALossOfAllDataAKeptSessionIsDeclaredAgainAndABorrowedOneIsGone() {
        let (g, w) = start(slots: 2)
        let (session, borrowed) = (kept(g, w, seconds: 20), fleet.enqueue(g, fleet.newWaiter()).grant!)
        fleet.reserve(g, borrowed)
        fleet.redis("FLUSHALL")
        fleet.load()
        fleet.register(g)
        #expect(fleet.attach(g, session.lease).status == "recovering")
        fleet.register(
            w, address: "w:1", pools: ["x|||raw", "x|||raw"],
            rows: [
                fleet.row(session.slot, "kept", session.token, session.lease, keep: 20),
                fleet.row(borrowed.slot, "free"),
            ])
        #expect(state(of: session.lease) == "kept")
        fleet.probed(g, w, true)
        fleet.live(14, [g, w])
        #expect(fleet.attach(g, borrowed.lease).status == "gone")
        #expect(fleet.attach(g, session.lease).text(1) == "2")
        #expect(fleet.accept(w, session, attach: 2).status == "accepted")
    }

    @Test func aWorkersEndEndsThem() {
        let (g, w) = start(slots: 3)
        let borrowed = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.reserve(g, borrowed)
        let session = kept(g, w)
        let dialed = kept(g, w)
        fleet.attach(g, dialed.lease)
        fleet.drain(w, leave: true)
        for lease in [borrowed.lease, session.lease, dialed.lease] {
            #expect(fleet.attach(g, lease).status == "gone")
        }
        #expect(isForgotten())
    }

    @Test func aBorrowedSlotEndsByRequestAtOnce() {
        let (g, w) = start()
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.reserve(g, grant)
        #expect(fleet.finish(g, "lease", grant.lease.description).values == [.integer(1)])
        #expect(isForgotten() && state(w) == "recycling")
    }

    @Test func aClockThatStepsBackShortensEachByItsOwnSpan() {
        let (g, w) = start(slots: 3)
        let granted = fleet.enqueue(g, fleet.newWaiter()).grant!
        let borrowed = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.reserve(g, borrowed)
        let session = kept(g, w, seconds: 100)
        fleet.advance(milliseconds: -3_600_000)
        fleet.live(11, [g, w])
        #expect(state(of: granted.lease) == "" || fleet.look().marks[g.id] == "deadline")
        fleet.live(25, [g, w])
        #expect(state(of: borrowed.lease) == "" && state(of: session.lease) == "kept")
        fleet.live(80, [g, w])
        #expect(state(of: session.lease) == "accepted")
    }
}
