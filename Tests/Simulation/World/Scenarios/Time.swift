import SimulationChecks

extension Scenario {
    /// Outages, pauses and clocks.
    static let ofTime: [Scenario] = [
        Scenario("outageEndsNobody", gateways: 2) { r in
            r.begin()
            let first = r.client(session: 60_000)
            r.until("the first is served") { r.isServing(first) }
            let second = r.client(at: 2, wait: 90_000)
            r.until("it waits") { r.isQueued(second) }
            r.world.server.goDown()
            r.pass(milliseconds: 30_000)
            r.world.server.comeUp(lostCommits: 0)
            r.pass(milliseconds: 8_000)
            r.expect(r.isServing(first), "the session went on")
            r.expect(r.isQueued(second), "the waiter kept its place")
            r.expect(r.picture.workers.count == 1 && r.picture.gateways.count == 2, "nobody was ended")
        },
        Scenario("newClientsAreToldOfAnOutage") { r in
            r.begin()
            r.world.server.goDown()
            r.pass(milliseconds: 3_500)
            let client = r.client()
            r.until("it is told at once", within: 50) { client.outcome != nil }
            r.world.server.comeUp(lostCommits: 0)
            r.pass(milliseconds: 4_000)
            let next = r.client()
            r.until("the next is served") { r.wasServed(next) }
        },
        Scenario("pausedRedisLosesNobody") { r in
            r.begin()
            let first = r.client(session: 1_000)
            r.until("the first is served") { r.isServing(first) }
            let second = r.client()
            r.until("it waits") { r.isQueued(second) }
            r.world.server.pause()
            r.pass(milliseconds: 6_000)
            r.world.server.goOn()
            r.until("it is served", within: 5_000) { r.wasServed(second) }
        },
        Scenario("clockStepsForward", gateways: 2) { r in r.clockSteps(by: seconds(3_600)) },
        Scenario("clockStepsBack", gateways: 2) { r in r.clockSteps(by: -seconds(3_600)) },
        Scenario("strictCapsEndSessionsInAnOutage", caps: .strict, cap: 1) { r in
            r.begin()
            let first = r.client(session: 60_000)
            r.until("the first is served") { r.isServing(first) }
            r.world.network.cut("w1", StoreServer.host)
            r.until("its session ends within the TTL", within: 10_500) { first.outcome == .sessionLost }
            r.world.network.heal("w1", StoreServer.host)
        },
        Scenario("lenientCapsKeepSessions", cap: 1) { r in
            r.begin()
            let first = r.client(session: 30_000)
            r.until("the first is served") { r.isServing(first) }
            r.world.network.cut("w1", StoreServer.host)
            r.pass(milliseconds: 15_000)
            r.expect(r.isServing(first), "the session goes on")
            r.world.network.heal("w1", StoreServer.host)
        },
        Scenario("suspendedHeadsAreSetAside", gateways: 2) { r in
            r.begin()
            let first = r.client(at: 2, session: 1_000)
            r.until("the first is served") { r.isServing(first) }
            let theirs = (0..<3).map { _ in r.client(at: 1, wait: 90_000) }
            r.pass(milliseconds: 30)
            let mine = r.client(at: 2)
            r.until("all wait") { r.isQueued(mine) && theirs.allSatisfy(r.isQueued) }
            r.g(1).process.pause()
            r.until("its unaccepted grant suspends it", within: 7_500) { r.mark(1) == "deadline" }
            r.until("the others go on", within: 1_500) { r.wasServed(mine) }
            r.g(1).process.goOn()
            r.until("its clients are served", within: 10_000) { theirs.allSatisfy(r.wasServed) }
        },
    ]
}

extension Rehearsal {
    fileprivate func clockSteps(by step: Int64) {
        begin()
        let first = client(session: 40_000)
        until("the first is served") { isServing(first) }
        let second = client(at: 2, wait: 90_000)
        until("it waits") { isQueued(second) }
        let score = line(of: second)?.score
        world.server.stepClock(by: step)
        pass(milliseconds: 25_000)
        expect(isServing(first), "the session goes on")
        expect(line(of: second)?.score == score, "the waiter keeps its place")
        expect(picture.workers.count == 1 && picture.gateways.count == 2, "nobody was ended")
        until("it is served", within: 30_000) { wasServed(second) }
    }
}
