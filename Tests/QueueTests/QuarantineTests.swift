import QueueCore
import Testing

@Suite struct QuarantineTests {
    let fleet = Fleet()

    private func due(_ worker: Caller) -> Int? {
        Int(fleet.redis("ZSCORE", "berth:{t}:probes", worker.id).string).map { $0 - fleet.milliseconds }
    }

    @Test func aWorkerIsGrantableOnlyAfterAProbe() {
        let g = fleet.gateway()
        let w = Caller("worker", "w")
        fleet.register(w, pools: ["x|||raw"])
        let id = fleet.newWaiter()
        #expect(fleet.enqueue(g, id).status == "queued")
        #expect(fleet.collect(g).texts(2) == ["\(w.id) 127.0.0.1:1"])
        #expect(fleet.collect(g).texts(2) == [], "lent for 3 s")
        fleet.probed(g, w, false)
        #expect(fleet.look().workerStates[w.id] == "probing")
        fleet.probed(g, w, true)
        #expect(fleet.look().waiters[id]?.state == "granted")
        #expect(due(w) == nil)
    }

    @Test func aClaimIsCheckedByAnotherAndConfirmed() {
        let (g, g2) = (fleet.gateway("g"), fleet.gateway("g2"))
        let ears = fleet.listen(g, g2)
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        #expect(fleet.reject(g, grant, .unreachable).status == "requeued")
        #expect(fleet.reject(g, grant, .unreachable).status == "requeued", "said twice")
        #expect(fleet.look().workerStates[w.id] == "suspect")
        #expect(fleet.look().waiters[grant.lease.waiter.text]?.state == "queued")
        #expect(fleet.collect(g).texts(2) == [], "not by who claims")
        #expect(fleet.collect(g2).texts(2) == ["\(w.id) w:1"])
        // Confirmed: backoff doubles up to 30 s.
        var backoffs: [Int] = []
        for _ in 0..<7 {
            fleet.probed(g2, w, false)
            backoffs.append(due(w) ?? -1)
        }
        #expect(backoffs == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
        #expect(fleet.look().workerStates[w.id] == "quarantined")
        // Back with one slot, all at its first accept.
        let other = fleet.newWaiter()
        fleet.enqueue(g, other)
        fleet.ready(w, grant)
        fleet.probed(g2, w, true)
        #expect(fleet.look().workerStates[w.id] == "trial")
        #expect(fleet.look().slots[w.id]!.map(\.state).sorted() == ["free", "leased"])
        let trial = fleet.collect(g).grants.first { $0.lease.attempt == 2 }!
        fleet.accept(w, trial)
        #expect(fleet.look().slots[w.id]!.map(\.state) == ["leased", "leased"])
        #expect(fleet.look().workerStates[w.id] == "ok")
        _ = ears
    }

    @Test func aClockThatStepsBackPutsNoProbeOffBeyondItsOwnSpan() {
        let (g, g2) = (fleet.gateway("g"), fleet.gateway("g2"))
        let ears = fleet.listen(g, g2)
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        #expect(fleet.reject(g, grant, .unreachable).status == "requeued")
        fleet.advance(milliseconds: -3_600_000)
        fleet.sweep(g)
        #expect(due(w) == 3_000, "a claim is checked at once: as if it had just been lent")
        for _ in 0..<4 { fleet.probed(g2, w, false) }
        fleet.advance(milliseconds: -3_600_000)
        fleet.sweep(g)
        #expect(due(w) == 8_000, "a quarantine has its backoff")
        _ = ears
    }

    @Test func aClaimRefutedSuspendsTheClaimantUntilItsOwnProbe() {
        let (g, g2) = (fleet.gateway("g"), fleet.gateway("g2"))
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let ears = fleet.listen(g, g2)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.reject(g, grant, .unreachable)
        fleet.probed(g2, w, true)
        #expect(fleet.look().workerStates[w.id] == "ok")
        #expect(fleet.look().marks[g.id] == "claim")
        #expect(fleet.look().waiters[grant.lease.waiter.text]?.state == "aside")
        #expect(fleet.enqueue(g2, fleet.newWaiter()).status == "granted", "the rest go on")
        #expect(fleet.collect(g).texts(2) == ["\(w.id) w:1"])
        #expect(fleet.look().marks[g.id] == "claim", "a collect is no proof")
        fleet.probed(g, w, false)
        #expect(fleet.look().marks[g.id] == "claim")
        fleet.probed(g, w, true)
        #expect(fleet.look().marks[g.id] == nil)
        fleet.ready(w, grant)
        #expect(fleet.look().waiters[grant.lease.waiter.text]?.state == "granted")
        _ = ears
    }

    @Test func aGatewayCutOffFromAllTakesNoneFromTheRest() {
        let (g, g2) = (fleet.gateway("g"), fleet.gateway("g2"))
        let ears = fleet.listen(g, g2)
        let workers = (0..<5).map { fleet.worker("w\($0)", pools: ["x|||raw"], probedBy: g) }
        let grants = (0..<5).map { _ in fleet.enqueue(g, fleet.newWaiter()).grant! }
        for grant in grants { fleet.reject(g, grant, .unreachable, final: true) }
        let states = fleet.look().workerStates
        #expect(workers.count { states[$0.id] == "ok" } == 4, "one claim stands, the second suspends the claimant")
        #expect(fleet.look().marks[g.id] == "claim")
        #expect(fleet.look().waiters.count == 5, "nobody is told worker_failed for it")
        #expect(fleet.collect(g).texts(2).count == 1, "it is lent its own probe alone")
        for (worker, grant) in zip(workers, grants) { fleet.ready(worker, grant) }
        for _ in 0..<4 { #expect(fleet.enqueue(g2, fleet.newWaiter()).status == "granted") }
        _ = ears
    }

    @Test func anotherDiallersFailureConfirms() {
        let (g, g2) = (fleet.gateway("g"), fleet.gateway("g2"))
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let grants = [fleet.enqueue(g, fleet.newWaiter()).grant!, fleet.enqueue(g2, fleet.newWaiter()).grant!]
        fleet.reject(g, grants[0], .unreachable)
        fleet.reject(g2, grants[1], .unreachable)
        #expect(fleet.look().workerStates[w.id] == "quarantined")
        #expect(due(w) == 1_000)
    }

    @Test func aloneItWaitsOutItsBackoffAndThreeFailuresEndTheWaiter() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        #expect(fleet.reject(g, grant, .unreachable, final: true).status == "nobody_else")
        #expect(fleet.look().waiters.isEmpty)
        #expect(fleet.look().workerStates[w.id] == "quarantined")
        #expect(fleet.reject(g, grant, .unreachable, final: true).status == "ended")
        // A second worker that fits keeps the waiter.
        _ = fleet.worker("other", pools: ["x|||raw"], probedBy: g)
        fleet.ready(w, grant)
        fleet.probed(g, w, true)
        let again = fleet.enqueue(g, fleet.newWaiter()).grant!
        #expect(fleet.reject(g, again, .unreachable, final: true).status == "requeued")
    }

    @Test func eachReasonFromEachSide() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        let id = fleet.newWaiter()
        var grant = fleet.enqueue(g, id).grant!
        func next() { grant = fleet.collect(g).grants[0] }
        var state: String { fleet.look().slots[w.id]![0].state }

        #expect(fleet.reject(g, grant, .local).status == "requeued")
        next()
        #expect(grant.lease.attempt == 2, "free at once, and granted again")
        for reason in [RejectReason.occupied, .failed] {
            #expect(fleet.reject(byWorker: w, grant, reason).status == "requeued")
            #expect(state == "recycling")
            fleet.ready(w, grant)
            next()
        }
        // An accepted lease too, before its proof.
        fleet.accept(w, grant)
        fleet.reject(byWorker: w, grant, .failed)
        #expect(fleet.look().waiters[id]?.state == "queued")
        fleet.ready(w, grant)
        next()
        // Stale: the next token is above the worker's.
        let last = Token(epoch: grant.token.epoch, number: grant.token.number + 50)
        fleet.reject(byWorker: w, grant, .stale, slotFree: true, last: last)
        next()
        #expect(grant.token > last)
        fleet.reject(byWorker: w, grant, .stale, slotFree: false, last: grant.token)
        #expect(state == "recycling")
        fleet.ready(w, grant)
        next()
        fleet.reject(byWorker: w, grant, .gone)
        #expect(fleet.look().marks[g.id] == "gone")
        fleet.ready(w, grant)
        #expect(fleet.look().waiters[id]?.state == "aside" && state == "free")
        next()
        #expect(fleet.look().marks[g.id] == nil && state == "leased")
        _ = ear
    }

    @Test func cancelFreesWhatWasNeverDialedAndRecyclesWhatWas() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let control = fleet.listen(w)
        var state: String { fleet.look().slots[w.id]![0].state }
        let undialed = fleet.enqueue(g, fleet.newWaiter()).grant!
        for _ in 0..<2 { fleet.cancel(g, undialed.lease.waiter.text) }
        #expect(state == "free")
        let dialed = fleet.enqueue(g, fleet.newWaiter()).grant!
        for _ in 0..<2 { fleet.cancel(g, dialed.lease.waiter.text, lease: dialed.lease.description, dialed: true) }
        #expect(state == "recycling")
        #expect(control.next().text == "recycle 0 \(dialed.token.epoch) \(dialed.token.number)")
        #expect(fleet.accept(w, dialed).status == "ended")
        fleet.ready(w, dialed)
        let accepted = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, accepted)
        fleet.cancel(g, accepted.lease.waiter.text, lease: accepted.lease.description, dialed: true)
        #expect(state == "recycling")
        #expect(
            fleet.renew(w, [fleet.row(0, "leased", accepted.token, accepted.lease, tenant: "a")]).texts(0) == [
                "close \(accepted.lease) ended"
            ])
        #expect(state == "recycling")
    }
}
