import SimulationChecks

extension Scenario {
    /// Redis that loses data.
    static let ofLoss: [Scenario] =
        ["enqueue", "cancel", "accept", "release", "ready", "reject", "collect", "renew", "roll", "sweep"].map(oneLost)
        + ["enqueue", "cancel", "accept", "release", "ready", "reject", "collect", "renew", "roll", "sweep"].map(torn)
        + [
            Scenario("heldLeaseIsDeclaredAgain", cap: 1) { r in
                r.begin()
                let first = r.client(session: 20_000)
                r.until("the first is served") { r.isServing(first) }
                let second = r.client(wait: 60_000)
                r.until("the second waits") { r.isQueued(second) }
                r.emptied(for: 100)
                r.until("the hold-off is over", within: 16_000) { r.holdOffIsOver }
                r.expect(r.isServing(first), "the session never noticed")
                r.expect(r.picture.leases.count == 1, "its lease stands again")
                r.expect(r.isQueued(second), "the other waits for its tenant's cap")
                r.until("the second is served", within: 20_000) { r.wasServed(second) }
            },
            Scenario("agesSurviveTotalLoss") { r in
                r.begin()
                let first = r.client(session: 40_000)
                r.until("it is served") { r.isServing(first) }
                func times() -> [Int64] {
                    let lease = r.picture.leases.keys.first ?? ""
                    return [
                        r.store.field("worker", r.w(1).id.text, "more", of: "started"),
                        r.store.field("lease", lease, of: "since"),
                    ].compactMap { $0.flatMap { Int64($0) } }
                }
                let before = times()
                r.pass(milliseconds: 6_000)
                r.emptied(for: 100)
                r.until("the worker is back") { times().count == 2 }
                let after = times()
                r.expect(before.count == 2, "both are known")
                r.expect(
                    zip(before, after).allSatisfy { abs($0 - $1) < 3_000 }, "neither is younger: \(before), \(after)")
            },
            Scenario("orderSurvivesTotalLoss", gateways: 2) { r in
                r.begin()
                let first = r.client(session: 20_000)
                r.until("the first is served") { r.isServing(first) }
                var waiting: [SimulatedClient] = []
                for index in 0..<4 {
                    waiting.append(r.client(at: 1 + index % 2, wait: 90_000, session: 50))
                    r.pass(milliseconds: 20)
                }
                let scores = waiting.map { r.line(of: $0)?.score }
                r.emptied(for: 100)
                r.until("the hold-off is over", within: 16_000) { r.holdOffIsOver }
                r.expect(waiting.map { r.line(of: $0)?.score } == scores, "all wait with their old tickets")
            },
            Scenario("newbornReachesEmptiedRedisFirst", gateways: 2, slots: [1, 1]) { r in
                r.begin(workers: [0])
                let first = r.client(session: 8_000)
                r.until("the first is served") { r.isServing(first) }
                let second = r.client(wait: 60_000)
                r.until("the second waits") { r.isQueued(second) }
                for host in ["g1", "g2", "w1"] { r.world.network.cut(host, StoreServer.host) }
                r.emptied(for: 50)
                r.world.startWorker(1)
                r.until("the newborn registers", within: 3_000) { r.picture.workers.count == 1 }
                r.pass(milliseconds: 500)
                for host in ["g1", "g2", "w1"] { r.world.network.heal(host, StoreServer.host) }
                r.until("a hold-off begins", within: 7_000) { r.picture.holdOff }
                r.until("and ends", within: 16_000) { r.holdOffIsOver }
                r.until("the waiter is back and served", within: 3_000) { r.wasServed(second) }
            },
            Scenario("manyCallersOpenOneEpoch", gateways: 3, slots: [1, 1, 1]) { r in
                r.begin()
                let before = r.picture.epoch
                r.world.network.cut("g3", StoreServer.host)
                r.pass(milliseconds: 3_000)
                r.emptied(for: 100)
                r.until("an epoch is opened", within: 5_000) { r.picture.epoch > before && r.picture.holdOff }
                let opened = r.picture.epoch
                r.until("the hold-off is over", within: 16_000) { r.holdOffIsOver }
                r.expect(r.picture.epoch == opened, "all callers opened one")
                r.world.network.heal("g3", StoreServer.host)
                r.until("the late one is back", within: 8_000) { r.picture.gateways.count == 3 }
                r.pass(milliseconds: 3_000)
                r.expect(r.picture.epoch == opened && !r.picture.holdOff, "the late one opened none")
            },
            Scenario("failoverToAReplicaBehind", gateways: 2, slots: [2]) { r in
                r.begin()
                let first = r.client(session: 10_000)
                r.until("the first is served") { r.isServing(first) }
                r.pass(milliseconds: 300)
                r.world.server.goDown()
                r.pass(milliseconds: 20)
                r.world.server.comeUp(lostCommits: 5)
                r.world.storeLosesData("failed over, 5 commits behind")
                let second = r.client(at: 2, wait: 60_000)
                r.until("the new one is served at last", within: 25_000) { r.wasServed(second) }
                r.expect(r.wasServed(first) || r.isServing(first), "the session never noticed")
            },
        ]

    /// The script dies at each of its commands, one after the other, while clients come and go. Each time all heals (L9), and
    /// who came is served.
    private static func torn(_ script: String) -> Scenario {
        Scenario("torn\(script.first!.uppercased())\(script.dropFirst())", gateways: 2, slots: [1, 1], cap: 1) { r in
            r.begin()
            // The first two commands read the clock and the rows.
            var command = 3
            repeat {
                r.world.server.isTorn = false
                r.next(script, .torn(command))
                serveSix(r, through: script)
                // A quarantine lasts up to 30 s.
                r.pass(milliseconds: 40_000)
                r.world.look(.atRest)
                command += 1
            } while r.world.server.isTorn
        }
    }

    /// Redis loses one acknowledged write of that script while everything goes on.
    private static func oneLost(_ script: String) -> Scenario {
        Scenario("lost\(script.first!.uppercased())\(script.dropFirst())", gateways: 2, slots: [1, 1]) { r in
            r.begin()
            r.next(script, .forgotten)
            serveSix(r, through: script)
        }
    }

    /// Six clients come, of which one leaves while it waits. For `reject`, workers refuse half of the connections.
    private static func serveSix(_ r: Rehearsal, through script: String) {
        if script == "reject" { r.world.exchange.faults.refusedPerMille = 500 }
        let clients = (0..<6).map { index in
            defer { r.pass(milliseconds: 30) }
            return r.client(at: 1 + index % 2, session: 400, leavesAfter: index == 3 ? 300 : nil)
        }
        r.until("all end", within: 40_000) { r.world.isQuiet }
        r.world.exchange.faults = Exchange.Faults()
        r.expect(clients.count(where: r.wasServed) >= 4, "they are served")
    }
}

extension Rehearsal {
    func emptied(for duration: Int64) {
        world.server.goDown()
        pass(milliseconds: duration)
        world.server.comeUp(lostCommits: nil)
        world.storeLosesData("restarted empty")
    }

    var holdOffIsOver: Bool { !picture.holdOff && picture.epoch > 0 && !picture.workers.isEmpty }
}
