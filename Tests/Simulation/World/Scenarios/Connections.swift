import SimulationChecks

extension Scenario {
    /// Bytes to and from Redis that are late, lost, or come twice.
    static let ofConnections: [Scenario] = [
        Scenario("oldConnectionBytesReadLate") { r in
            r.begin()
            let first = r.client(session: 4_000)
            r.until("the first is served") { r.isServing(first) }
            r.next("enqueue", .late)
            let second = r.client(leavesAfter: 2_500)
            r.until("its enqueue was sent again", within: 2_400) { r.isQueued(second) }
            r.until("it has left") { second.outcome == .left }
            r.until("Redis knows", within: 100) { r.picture.waiters.count == 1 }
            r.world.server.readLate()
            r.pass(milliseconds: 200)
            r.expect(r.picture.waiters.count == 1, "the old bytes bring nobody back")
        },
        Scenario("enqueueReplyLost") { r in
            r.begin()
            r.next("enqueue", .unanswered)
            let client = r.client()
            r.until("it is served", within: 3_000) { r.wasServed(client) }
        },
        Scenario("enqueueNeverRead") { r in
            r.begin()
            r.next("enqueue", .neverRead)
            let client = r.client()
            r.until("it is served", within: 3_000) { r.wasServed(client) }
        },
        Scenario("acceptReplyLost") { r in
            r.begin()
            r.next("accept", .unanswered)
            let client = r.client()
            r.until("it is served by a later attempt", within: 6_000) { r.wasServed(client) }
        },
        Scenario("releaseReplyLost") { r in
            r.begin()
            r.next("release", .unanswered)
            let client = r.client()
            r.until("it is served") { r.wasServed(client) }
            r.until("the slot is free", within: 3_000) { r.slot()?.state == "free" }
        },
        Scenario("allHintsLost") { r in
            r.begin()
            r.world.server.hints.lostPerMille = 1_000
            let first = r.client(session: 300)
            r.until("the first is served") { r.isServing(first) }
            let second = r.client(session: 300)
            r.until("the first is over") { r.wasServed(first) }
            r.until("the second is granted") { r.picture.leases.count == 1 }
            r.until("and knows within a second", within: 1_250) { r.isServing(second) }
        },
        Scenario("hintsDoubledAndOvertaken") { r in
            r.begin()
            r.world.server.hints = StoreServer.Hints(doubledPerMille: 1_000, lateMost: milliseconds(900))
            let clients = (0..<6).map { _ in r.client(session: 100) }
            r.until("all are served once", within: 15_000) { clients.allSatisfy(r.wasServed) }
        },
        Scenario("subscriberCutAndBack", gateways: 1) { r in
            r.begin()
            let first = r.client(session: 6_000)
            r.until("the first is served") { r.isServing(first) }
            let second = r.client()
            r.until("it waits, and its gateway knows") { r.isQueued(second) && r.g(1).waiting.count == 1 }
            r.world.network.cut("g1", StoreServer.host)
            r.pass(milliseconds: 5_000)
            r.world.network.heal("g1", StoreServer.host)
            r.until("it is served", within: 8_000) { r.wasServed(second) }
        },
        Scenario("youngLeaseNeverFreed") { r in
            r.begin()
            // A renew that says `free` is read when the slot was granted already.
            r.next("renew", from: "w1", .late)
            r.pass(milliseconds: 2_300)
            let client = r.client(session: 300)
            r.until("it is granted") { r.picture.leases.count == 1 }
            let lease = r.picture.leases.keys.first
            r.world.server.readLate()
            r.pass(milliseconds: 20)
            r.expect(lease.map { r.picture.leases[$0] != nil } == true, "the lease stands")
            r.until("it is served") { r.wasServed(client) }
        },
        Scenario("leaseEndedByVerdictStaysEnded", slots: [1, 1]) { r in
            r.begin()
            // The accept commits, and the way of the proof is cut: the dialler gives its verdict.
            r.next("accept", .normal) {
                for worker in ["w1", "w2"] { r.world.network.cut("g1", worker) }
            }
            let client = r.client(wait: 20_000)
            r.until("the lease is accepted") { r.picture.leases.values.first?.state == "accepted" }
            let lease = r.picture.leases.keys.first ?? ""
            let holder = r.world.workers.first { !$0.table.isVacant }
            r.until("the verdict ends it", within: 4_000) { r.picture.leases[lease] == nil }
            r.until("its worker is told to close", within: 3_000) {
                r.expect(r.picture.leases[lease] == nil, "what its worker says does not bring it back")
                return holder?.table.isVacant == true
            }
            for worker in ["w1", "w2"] { r.world.network.heal("g1", worker) }
            r.until("it is served by another attempt", within: 18_000) { r.wasServed(client) }
        },
    ]
}
