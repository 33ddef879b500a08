extension Scenario {
    /// Gateways and workers that end, stop, or come twice.
    static let ofProcesses: [Scenario] = [
        Scenario("gatewayEndedWhilePaused", gateways: 2) { r in
            r.begin()
            let first = r.client(at: 2, session: 16_000)
            r.until("the first is served") { r.isServing(first) }
            let waiting = r.client(at: 1)
            r.until("it waits") { r.isQueued(waiting) }
            let ticket = r.line(of: waiting)?.score
            r.g(1).process.pause()
            r.until("Redis has ended its gateway", within: 11_500) { r.mark(1) == nil }
            r.g(1).process.goOn()
            r.until("it waits again", within: 3_000) { r.isQueued(waiting) }
            r.expect(r.line(of: waiting)?.score == ticket, "with its old ticket")
            r.until("it is served", within: 20_000) { r.wasServed(waiting) }
        },
        Scenario("workerEndedWhilePaused") { r in
            r.begin()
            let first = r.client(session: 30_000)
            r.until("the first is served") { r.isServing(first) }
            r.w(1).process.pause()
            r.until("Redis has ended the worker", within: 11_500) { r.picture.workers.isEmpty }
            r.w(1).process.goOn()
            r.until("the lease is declared again", within: 3_000) { r.picture.leases.count == 1 }
            r.expect(r.isServing(first), "the session went on")
        },
        Scenario("twoProcessesOneNode") { r in
            r.begin()
            let first = r.client(session: 4_000)
            r.until("the first is served") { r.isServing(first) }
            let old = r.w(1)
            r.world.startWorker(0, port: 9_001)
            r.until("the older is told to drain", within: 3_000) { old.isDraining }
            r.expect(r.isServing(first), "its session goes on")
            let second = r.client()
            r.until("the newer serves", within: 3_000) { r.wasServed(second) }
            r.until("the older is gone", within: 8_000) { old.process.isGone }
        },
        Scenario("deadWorkersSlotsAreGone", slots: [1, 1]) { r in
            r.begin()
            r.w(1).process.end()
            r.until("its slots are gone", within: 11_500) { r.picture.workers.count == 1 }
            let client = r.client()
            r.until("the other serves") { r.wasServed(client) }
        },
        Scenario("deadGatewaysWaitersArePassedOver", gateways: 2) { r in
            r.begin()
            let first = r.client(at: 2, session: 1_000)
            r.until("the first is served") { r.isServing(first) }
            for _ in 0..<5 { r.client(at: 1) }
            r.pass(milliseconds: 20)
            let mine = r.client(at: 2)
            r.until("they wait") { r.picture.waiters.values.count { $0.state == "queued" } == 6 }
            // Silent: no publish without a receiver tells of it, only the deadline of a grant.
            r.world.vanish(r.g(1).process)
            r.until("the other's client is served", within: 7_500) { r.wasServed(mine) }
            r.until("its waiters are gone", within: 6_000) { r.picture.waiters.isEmpty }
        },
        Scenario("killedGatewayCostsOneDeadline", gateways: 2) { r in
            r.begin()
            let first = r.client(at: 2, session: 1_000)
            r.until("the first is served") { r.isServing(first) }
            r.client(at: 1)
            r.pass(milliseconds: 20)
            let mine = r.client(at: 2)
            r.until("both wait") { r.picture.waiters.values.count { $0.state == "queued" } == 2 }
            r.g(1).process.end()
            r.until("the other's client is served", within: 7_500) { r.wasServed(mine) }
        },
        Scenario("gatewaysSessionsEndWithIt", gateways: 2) { r in
            r.begin()
            let first = r.client(at: 1, session: 60_000)
            r.until("the first is served") { r.isServing(first) }
            r.g(1).process.end()
            r.until("its slot is free after one recycle time", within: 1_000) { r.slot()?.state == "free" }
        },
        Scenario("workersSessionsEndWithIt", slots: [1, 1]) { r in
            r.begin()
            let first = r.client(session: 60_000)
            r.until("the first is served") { r.isServing(first) }
            for worker in r.world.workers where !worker.table.isVacant { worker.process.end() }
            r.until("its client is told", within: 100) { first.outcome == .sessionLost }
        },
        Scenario("drainOutlivesTheRecord", slots: [1, 1]) { r in
            r.begin()
            let worker = r.w(1)
            worker.process.pause()
            r.world.server.hints.lostPerMille = 1_000
            r.world.orderDrain(worker)
            r.until("Redis has ended it", within: 11_500) { r.picture.workers.count == 1 }
            worker.process.goOn()
            r.until("it drains and is gone", within: 5_000) { worker.process.isGone }
        },
        Scenario("drainOutlivesLostData", slots: [1, 1]) { r in
            r.begin()
            let first = r.client(session: 20_000)
            let second = r.client(session: 20_000)
            r.until("both are served") { r.isServing(first) && r.isServing(second) }
            let worker = r.w(1)
            r.world.orderDrain(worker)
            r.until("the worker has heard it", within: 3_000) { worker.isDraining }
            r.emptied(for: 100)
            r.until("the worker says so anew", within: 4_000) {
                r.picture.workers.contains { $0.id == worker.id.text && $0.isDraining }
            }
            r.until("it is gone", within: 8_000) { worker.process.isGone }
        },
        Scenario("drainKeepsWhatItHas", slots: [1, 1]) { r in
            r.begin()
            let first = r.client(session: 2_000)
            r.until("the first is served") { r.isServing(first) }
            let holder = r.world.workers.first { !$0.table.isVacant }
            holder?.drain(timeout: milliseconds(10_000))
            r.until("the session ends of itself") { r.wasServed(first) }
            r.until("the worker is gone", within: 2_000) { holder?.process.isGone == true }
            let second = r.client()
            r.until("the other serves") { r.wasServed(second) }
        },
    ]
}
