import QueueCore

extension Scenario {
    /// Clients that leave, or borrow, at the wrong moment.
    static let ofClients: [Scenario] = [
        Scenario("clientsAreServedInOrder") { r in
            r.begin()
            let first = r.client(session: 500)
            r.until("the first is served") { r.isServing(first) }
            let waiting = (0..<3).map { _ in
                defer { r.pass(milliseconds: 5) }
                return r.client(session: 50)
            }
            r.until("all are served") { waiting.allSatisfy(r.wasServed) }
        },
        Scenario("clientLeavesWhileWaiting") { r in
            r.begin()
            let first = r.client(session: 2_000)
            r.until("the first is served") { r.isServing(first) }
            let second = r.client(leavesAfter: 300)
            r.until("it waits") { r.isQueued(second) }
            r.until("it has left") { second.outcome == .left }
            r.until("Redis knows", within: 50) { r.picture.waiters.count == 1 }
        },
        Scenario("clientLeavesMidDial") { r in
            r.begin()
            r.world.network.latency = Network.Latency(least: milliseconds(100), most: milliseconds(100))
            // Enqueue and reply take 200 ms, SYN and answer 200 more: it leaves in between.
            let client = r.client(leavesAfter: 450)
            r.until("it has left", within: 2_000) { client.outcome == .left }
            r.expect(!client.isServed, "it left before the proof")
            r.until("the slot is free again", within: 2_000) { r.slot()?.state == "free" }
            r.expect(r.picture.waiters.isEmpty, "the waiter has ended")
            r.expect(r.mark(1) == "", "its gateway is not suspended for it")
            let next = r.client()
            r.until("the next is served") { r.wasServed(next) }
        },
        Scenario("grantForUnknownWaiter") { r in
            r.begin()
            let first = r.client(session: 1_000)
            r.until("the first is served") { r.isServing(first) }
            let second = r.client(leavesAfter: 200)
            r.until("it waits") { r.isQueued(second) }
            // Its cancel commits and is lost, unseen: the grant that follows must be answered all the same.
            let id = r.world.gateways[0].waiting.first
            r.world.server.fate = { script, _, arguments in
                script == "cancel" && String(decoding: arguments[5], as: UTF8.self) == id?.text ? .unanswered : .normal
            }
            r.until("it has left") { second.outcome == .left }
            r.pass(milliseconds: 300)
            r.world.server.fate = nil
            let third = r.client()
            r.until("the third is served", within: 5_000) { r.wasServed(third) }
        },
        Scenario("impatientClientIsRefused") { r in
            r.begin()
            let first = r.client(session: 1_000)
            r.until("the first is served") { r.isServing(first) }
            let second = r.client(wait: 300)
            r.until("it is told in time", within: 700) {
                if case .refused = second.outcome { true } else { false }
            }
        },
        Scenario("leaverDuringItsDialBlamesNobody") { r in
            r.begin()
            // The worker waits for its sidecar, and would see the end of the connection before Redis sees the cancel.
            r.w(1).fallIll(SimulatedSidecars.Illness(failsToStart: false, refusesClients: false, connects: 800))
            r.next("cancel", from: "g1", .late)
            let first = r.client(leavesAfter: 200)
            r.until("it leaves during its dial") { first.outcome == .left }
            r.pass(milliseconds: 300)
            r.expect(r.picture.leases.count == 1, "the cancel is late")
            r.expect(r.mark(1) == "", "its gateway is not blamed")
            r.world.server.readLate()
            r.w(1).fallIll(SimulatedSidecars.Illness())
            let second = r.client()
            r.until("the next is served", within: 3_000) { r.wasServed(second) }
        },
        Scenario("aCopyOfALentGrantTakesNothingBack") { r in
            r.begin()
            r.borrower(comesBackAfter: 2_000)
            r.until("a slot is lent") { r.picture.leases.values.first?.state == "reserved" }
            guard let lease = r.picture.leases.values.first else { return }
            let words = [
                lease.id, lease.worker, lease.slot, "\(lease.token.epoch)", "\(lease.token.number)", "h:1", lease.pool,
            ]
            guard let copy = Grant(payload: words.joined(separator: " ")) else {
                return r.expect(false, "it is a grant")
            }
            let gateway = r.g(1)
            gateway.queueClient(gateway.queue, granted: copy)
            r.pass(milliseconds: 500)
            r.expect(r.picture.leases[lease.id]?.state == "reserved", "the slot stays lent")
            r.until("its client is served", within: 4_000) { r.world.clients.last.map(r.wasServed) == true }
        },
        Scenario("capHolds", slots: [3], cap: 1) { r in
            r.begin()
            let clients = (0..<3).map { _ in r.client(session: 300) }
            r.until("the first is served") { r.world.clients.contains(where: r.isServing) }
            r.pass(milliseconds: 100)
            r.expect(clients.count(where: r.isServing) == 1, "one at a time")
            let guest = r.client(tenant: "guest")
            r.until("another tenant is not held up", within: 200) { r.isServing(guest) }
            r.until("all are served") { clients.allSatisfy(r.wasServed) }
        },
    ]
}
