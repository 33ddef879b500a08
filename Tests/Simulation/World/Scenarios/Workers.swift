import WorkerCore

extension Scenario {
    /// Workers that are not reached, and who says so.
    static let ofWorkers: [Scenario] = [
        Scenario("deadHostQuarantinedByItsDialler", slots: [1, 1]) { r in
            r.begin()
            r.world.vanish(r.w(1).process)
            let clients = (0..<4).map { _ in r.client(session: 200) }
            r.until("its dialler finds it", within: 3_000) { r.workerState(1) == "quarantined" }
            r.until("all are served by the other") { clients.allSatisfy(r.wasServed) }
        },
        Scenario("workerSeesEOFWithoutVerdict", gateways: 2) { r in
            r.begin()
            // The accept is on its way when the gateway dies: no proof was sent.
            r.next("accept", .normal) { r.g(1).process.end() }
            r.w(1).fallIll(SimulatedSidecars.Illness(failsToStart: false, refusesClients: false, connects: 500))
            r.client(at: 1)
            r.until("the gateway is gone") { r.g(1).process.isGone }
            r.until("the slot is free again", within: 2_000) { r.slot()?.state == "free" }
            let second = r.client(at: 2)
            r.until("another's client is served", within: 2_000) { r.wasServed(second) }
        },
        Scenario("unreachableClaimRefutedByAnotherGateway", gateways: 2) { r in
            r.begin()
            r.world.network.cut("g1", "w1")
            let first = r.client(at: 1)
            r.until("the claimant is suspended", within: 4_500) { r.mark(1) == "claim" }
            r.expect(r.workerState(1) == "ok", "the worker is back without backoff")
            let second = r.client(at: 2)
            r.until("the other gateway's client is served", within: 1_000) { r.wasServed(second) }
            r.world.network.heal("g1", "w1")
            r.until("its own probe ends the suspension", within: 6_000) { r.mark(1) == "" }
            r.until("its client is served") { r.wasServed(first) }
        },
        Scenario("claimConfirmed", gateways: 2, slots: [1, 1]) { r in
            r.begin()
            for gateway in ["g1", "g2"] { r.world.network.cut(gateway, "w1") }
            let clients = (0..<6).map { r.client(at: 1 + $0 % 2, session: 200) }
            r.until("the worker is quarantined", within: 7_000) { r.workerState(1) == "quarantined" }
            r.until("all are served by the other", within: 20_000) { clients.allSatisfy(r.wasServed) }
            r.expect(r.mark(1) == "" && r.mark(2) == "", "nobody is suspended for it")
            for gateway in ["g1", "g2"] { r.world.network.heal(gateway, "w1") }
            r.until("it returns on trial", within: 35_000) { r.workerState(1) == "trial" || r.workerState(1) == "ok" }
            let more = (0..<4).map { _ in r.client(session: 300) }
            r.until("and serves") { more.allSatisfy(r.wasServed) && r.workerState(1) == "ok" }
        },
        Scenario("gatewayCutOffFromAllWorkers", gateways: 2, slots: [1, 1, 1]) { r in
            r.begin()
            for worker in ["w1", "w2", "w3"] { r.world.network.cut("g1", worker) }
            for _ in 0..<4 { r.client(at: 1, wait: 15_000) }
            r.pass(milliseconds: 200)
            let others = (0..<12).map { _ in r.client(at: 2, session: 100) }
            r.until("the others' clients are served", within: 9_000) { others.allSatisfy(r.wasServed) }
            r.until("it is suspended", within: 5_000) { r.mark(1) == "claim" }
            for number in 1...3 { r.until("worker \(number) is well", within: 3_000) { r.workerState(number) == "ok" } }
        },
        Scenario("workerThatFailsEveryClient", slots: [1, 1]) { r in
            r.begin()
            r.w(1).fallIll(SimulatedSidecars.Illness(failsToStart: true, refusesClients: true))
            let clients = (0..<8).map { _ in r.client(session: 50) }
            r.until("all are served by the other", within: 15_000) { clients.allSatisfy(r.wasServed) }
            r.w(1).fallIll(SimulatedSidecars.Illness())
            r.until("its slot comes back", within: 35_000) { r.slot(of: 1)?.state == "free" }
        },
        Scenario("staleGrantIsRejected") { r in
            r.begin()
            // The first grant is dialed, and its line arrives when another one was served meanwhile.
            r.world.network.latency = Network.Latency(least: milliseconds(20), most: milliseconds(20))
            let first = r.client(session: 50)
            r.until("it is granted") { r.picture.leases.count == 1 }
            r.world.network.cut("g1", "w1")
            r.until("the dial has failed", within: 4_000) { r.picture.leases.isEmpty }
            r.world.network.heal("g1", "w1")
            r.until("it is served", within: 40_000) { r.wasServed(first) }
            r.until("the slot is free") { r.slot()?.state == "free" }
        },
        Scenario("doubledGrantPresentation") { r in
            r.begin()
            r.world.exchange.faults.doubledPerMille = 1_000
            let clients = (0..<5).map { _ in r.client(session: 300) }
            r.until("each is served once", within: 15_000) { clients.allSatisfy(r.wasServed) }
        },
        Scenario("sidecarExitEndsItsSession") { r in
            r.begin()
            let first = r.client(session: 60_000)
            r.until("the first is served") { r.isServing(first) }
            r.w(1).crashSidecar(0, connectionFirst: false)
            r.until("its client is told", within: 50) { first.outcome == .sessionLost }
            r.until("its slot comes back", within: 1_500) { r.slot()?.state == "free" }
        },
        Scenario("manyDispatchesGoOnWhoeverDies", gateways: 2, slots: [40]) { r in
            r.world.startGateway("g1")
            r.world.startGateway("g2")
            r.until("the gateways stand") { r.picture.gateways.count == 2 }
            r.world.startWorker(0)
            // More than one call may grant: its caller dies with the rest in `todo`.
            r.until("it is there", within: 2_000) { r.picture.workers.count == 1 }
            let clients = (0..<40).map { _ in r.client(at: 2, session: 1_000) }
            r.until("they wait or are served") { clients.allSatisfy { $0.isServed || r.isQueued($0) } }
            r.next("sweep", .neverRead)
            r.until("all are served", within: 6_000) { clients.allSatisfy { $0.isServed } }
        },
    ]
}
