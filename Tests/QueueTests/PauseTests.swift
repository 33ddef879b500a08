import QueueCore
import Testing

/// Pools that are paused, and pools that may have no worker yet.
@Suite struct PauseTests {
    private let fleet = Fleet()

    @Test(arguments: ["x|b|1|raw", "x"]) func waitersOfAPausedPoolHoldUntilItIsResumed(name: String) {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|b|1|raw", "y|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        #expect(fleet.order("pause:\(name)", "1").status == "ok")
        let (waiter, elsewhere) = (fleet.newWaiter(), fleet.newWaiter())
        #expect(fleet.enqueue(g, waiter, "x|||raw").status == "queued")
        #expect(fleet.enqueue(g, fleet.newWaiter(), "x|||raw", wait: false).text(0) == "would_wait")
        #expect(fleet.enqueue(g, elsewhere, "|||raw").grant?.pool == "y|||raw", "another pool serves")
        fleet.live(2, [g, w])
        #expect(fleet.view().poolCounts.contains { $0.isPaused })
        #expect(fleet.order("pause:\(name)", "-").status == "ok")
        #expect(fleet.collect(g).grants.map(\.lease.waiter.text).contains(waiter))
        #expect(!fleet.view().poolCounts.contains { $0.isPaused })
        _ = ear
    }

    @Test func aPauseEndsNoSession() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        fleet.order("pause:x", "1")
        let next = fleet.newWaiter()
        fleet.enqueue(g, next)
        fleet.release(w, grant)
        fleet.ready(w, grant)
        #expect(fleet.look().waiters[next]?.state == "queued")
        fleet.order("pause:x", "-")
        #expect(fleet.look().waiters[next]?.state == "granted")
    }

    @Test func aPoolNobodyKnowsIsToldAsSuch() {
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["x|||raw"], probedBy: g)
        #expect(fleet.order("pause:y", "1").status == "unknown_pool")
        #expect(fleet.order("pause:x|chromium||raw", "1").text(0) == "x|chromium||raw")
        #expect(fleet.order("pause:y", "-").status == "unknown_pool")
    }

    @Test func whatScalesFromZeroIsWaitedFor() {
        let g = fleet.gateway()
        #expect(fleet.enqueue(g, fleet.newWaiter(), "z|chromium|1.2|raw").text(0) == "unknown_pool")
        fleet.settings(g, "declare", [("zero:z", "1"), ("zero:q:r|firefox", "1")])
        #expect(fleet.enqueue(g, fleet.newWaiter(), "z|chromium|1.2|raw").status == "queued")
        #expect(fleet.enqueue(g, fleet.newWaiter(), tenant: "b", "q:*|firefox||raw").status == "queued")
        #expect(fleet.enqueue(g, fleet.newWaiter(), tenant: "b", "q:r|chromium||raw").text(0) == "unknown_pool")
        #expect(fleet.enqueue(g, fleet.newWaiter(), tenant: "b", "y|||raw").text(0) == "unknown_pool")
        let ear = fleet.listen(g)
        _ = fleet.worker(pools: ["z|chromium|1.2|raw"], probedBy: g)
        #expect(fleet.collect(g).grants.count == 1)
        _ = ear
    }

    @Test func soManyPoolsScaleFromZero() {
        let g = fleet.gateway()
        let rows = (0..<QueueLimits.zerosMax).map { (name: "zero:p\($0)", text: "1") }
        #expect(fleet.settings(g, "declare", rows).status == "ok")
        #expect(fleet.settings(g, "declare", [("zero:more", "1")]).status == "too_many")
        #expect(fleet.settings(g, "declare", rows).status == "ok")
    }

    /// Workers of one age end their lives one after the other.
    @Test func workersWithALifetimeEndApart() {
        let g = fleet.gateway()
        let lifetime = 10
        var workers = (0..<4).map {
            fleet.worker("w\($0)", pools: ["x|||raw", "x|||raw"], probedBy: g, lifetime: lifetime)
        }
        let ear = fleet.listen(g)
        var served: [String: Int] = [:]
        var ends: [Int] = []
        var open: [Grant] = []
        for session in 1...44 {
            let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
            let worker = workers.first { $0.id == grant.worker.text }!
            fleet.accept(worker, grant)
            open.append(grant)
            served[worker.id, default: 0] += 1
            if served[worker.id] == lifetime {
                ends.append(session)
                fleet.drain(worker)
            }
            if open.count == 2 {
                let done = open.removeFirst()
                let at = workers.firstIndex { $0.id == done.worker.text }!
                fleet.release(workers[at], done)
                fleet.ready(workers[at], done)
                if served[done.worker.text]! >= lifetime, !open.contains(where: { $0.worker == done.worker }) {
                    fleet.drain(workers[at], leave: true)
                    let again = Caller("worker", "w\(at)", generation: UInt64(100 + session))
                    fleet.register(again, address: "w\(at):1", pools: ["x|||raw", "x|||raw"], lifetime: lifetime)
                    fleet.probed(g, again, true)
                    workers[at] = again
                }
            }
        }
        #expect(ends.count >= 4)
        #expect(zip(ends, ends.dropFirst()).allSatisfy { $1 - $0 >= 4 }, "sessions between ends: \(ends)")
        _ = ear
    }
}
