import QueueCore
import TestSupport
import Testing

@testable import Queue

/// The view that operators have of a fleet, read by the shipped slices.
@Suite struct SurveyTests {
    let fleet = Fleet()

    @Test func anEmptyRedisHasAView() {
        let view = fleet.view(waiters: 10)
        #expect(view.gateways.isEmpty && view.workers.isEmpty && view.pools.isEmpty && view.line.isEmpty)
        #expect(view.head.waiting == 0 && view.head.oldestMilliseconds == nil && view.policy == .fifo)
    }

    @Test func itTellsWhatAWorkerSaysOfItsSlots() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        var trouble: String? { fleet.view().workers.first?.trouble }
        #expect(trouble == "")
        let words = "slot 0: \"quoted\" \\ é " + String(repeating: "x", count: 490)
        #expect(words.utf8.count == QueueLimits.troubleBytesMax)
        #expect(fleet.run("renew", w, ["8", words]).status == "ok")
        #expect(trouble == words)
        #expect(fleet.run("renew", w, ["9", words + "x"]).status == "bad")
        #expect(fleet.run("renew", w, ["7", "late"]).status == "ok")
        #expect(trouble == words)
        #expect(fleet.run("renew", w, ["9", ""]).status == "ok")
        #expect(trouble == "")
    }

    /// A worker that Redis forgot is no younger when it registers anew: it says its own age.
    @Test func aWorkerHasItsAgeAndItsVersion() throws {
        let g = fleet.gateway()
        let w = Caller("worker", "w")
        let start = Int64(fleet.milliseconds - 5_000)
        fleet.register(w, pools: ["x|||raw"], age: 5_000)
        var worker: FleetView.Worker { fleet.view().workers[0] }
        #expect(worker.startedMilliseconds == start && worker.version == "1.2.3")
        fleet.advance(milliseconds: 700)
        fleet.register(w, pools: ["x|||raw"], age: 5_650)
        #expect(worker.startedMilliseconds == start, "a call that is repeated comes later, and changes nothing")
        fleet.live(12, [g])
        #expect(fleet.view().workers.isEmpty)
        fleet.register(w, pools: ["x|||raw"], age: 17_700)
        #expect(worker.startedMilliseconds == start)
        let old = Caller("worker", "old")
        fleet.register(old, pools: ["x|||raw"], age: fleet.milliseconds + 1)
        #expect(fleet.view().workers.first { $0.id == old.id }?.startedMilliseconds == 0)
        fleet.redis("HDEL", "\(fleet.keys.prefix)worker:\(w.id):more", "started", "version")
        let earlier = try #require(fleet.view().workers.first { $0.id == w.id })
        #expect(earlier.startedMilliseconds == nil && earlier.version == "", "one of an earlier release")
    }

    @Test func aSessionBeginsWithItsFirstAcceptAndHasItsRun() throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = try #require(fleet.enqueue(g, fleet.newWaiter(), run: "ci", keep: 60).grant)
        var slot: FleetView.Slot { fleet.view().workers[0].slots[0] }
        #expect(slot.run == "ci" && slot.sinceMilliseconds == nil, "nobody is served yet")
        fleet.advance(milliseconds: 40)
        let begin = Int64(fleet.milliseconds)
        fleet.accept(w, grant)
        fleet.advance(milliseconds: 1_000)
        fleet.accept(w, grant)
        fleet.keep(w, grant)
        fleet.attach(g, grant.lease)
        fleet.accept(w, grant, attach: 2)
        #expect(slot.run == "ci" && slot.sinceMilliseconds == begin, "the next connection is the same session")
        let row = fleet.row(
            0, "leased", grant.token, grant.lease, keep: 60, attach: 2, run: "ci",
            age: fleet.milliseconds - Int(begin))
        fleet.redis("FLUSHALL")
        fleet.setClock()
        fleet.register(w, pools: ["x|||raw"], rows: [row])
        #expect(slot.run == "ci" && slot.sinceMilliseconds == begin, "its worker says both")
        fleet.release(w, grant)
        #expect(slot.run == "" && slot.sinceMilliseconds == nil)
    }

    /// Redis lost the accept alone, and the worker's row brings it back.
    @Test func aSessionWhoseAcceptIsLostIsNoYounger() throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = try #require(fleet.enqueue(g, fleet.newWaiter()).grant)
        fleet.advance(milliseconds: 3_000)
        fleet.renew(w, [fleet.row(0, "leased", grant.token, grant.lease, keep: 0, age: 2_500)])
        #expect(fleet.view().workers[0].slots[0].sinceMilliseconds == Int64(fleet.milliseconds - 2_500))
    }

    @Test func itTellsWhoWaitsWhatIsPausedAndByWhichRules() throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "y|||raw"], probedBy: g)
        for (name, words) in [("policy", "fair"), ("queue", "9"), ("pause:y", "1"), ("tenant:b", "3,10,1,0,1,0")] {
            fleet.order(name, words)
        }
        let (served, first, second) = (fleet.newWaiter(), fleet.newWaiter(), fleet.newWaiter())
        let grant = try #require(fleet.enqueue(g, served).grant)
        for waiter in [first, second] { fleet.enqueue(g, waiter) }
        fleet.advance(milliseconds: 1_500)
        let view = fleet.view(waiters: 1)
        #expect(view.policy == .fair && view.queueMax == 9 && view.pauses == ["y"])
        #expect(view.head.waiting == 2 && !view.head.isRecovering && view.head.epoch > 0 && view.head.tokens == 1)
        #expect(view.head.oldestMilliseconds.map { view.head.atMilliseconds - $0 } == 1_500)
        #expect(view.line.map(\.id) == [first] && view.line[0].gateway == g.id && view.line[0].tenant == "a")
        #expect(view.gateways.map(\.waiters) == [3] && view.gateways[0].suspension == "")
        let pools = view.poolCounts
        #expect(pools.map(\.pool) == ["x|||raw", "y|||raw"] && pools.map(\.isPaused) == [false, true])
        #expect(pools[0].slots == [.leased: 1] && pools[0].waiting == 2 && pools[1].slots == [.free: 1])
        let worker = view.workers[0]
        #expect(worker.id == w.id && worker.state == "ok" && !worker.isDraining && worker.slots.count == 2)
        let slot = worker.slots[0]
        #expect(slot.lease == grant.lease.description && slot.tenant == "a" && slot.waiter == served)
        #expect(slot.leaseState == "granted")
        let tenants = view.tenantCounts
        #expect(tenants.map(\.tenant) == ["a", "b"] && tenants.map(\.isConfigured) == [false, true])
        #expect(tenants[0].held == 1 && tenants[0].waiting == 2 && tenants[1].limits.cap == 3)
    }

    /// The reason that a client is told and the one that operators see are computed apart.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func theReasonsAreThoseThatClientsAreTold(seed: UInt64) {
        var random = SplitMix64(state: seed)
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        for (index, pools) in Walk.pools.enumerated() { _ = fleet.worker("w\(index)", pools: pools, probedBy: g) }
        for tenant in ["a", "b", "c"] { fleet.cap(g, tenant, Int.random(in: 0...12, using: &random)) }
        for label in Set(Walk.pools.joined()).map({ $0.prefix { $0 != "|" } }) where Bool.random(using: &random) {
            fleet.order("pause:\(label)", "1")
        }
        for _ in 0..<60 {
            fleet.enqueue(
                g, fleet.newWaiter(), tenant: ["a", "b", "c"].randomElement(using: &random)!,
                Walk.selectors.randomElement(using: &random)!)
        }
        let view = fleet.view(waiters: 100)
        let reason = view.reasonOf()
        for queue in view.queues {
            let head = view.line.first { $0.tenant == queue.tenant && $0.selector == queue.selector }
            let place = fleet.raw("place", ["", "0", "0", "0", "0", head?.id ?? "", queue.tenant, ""]).strings
            #expect(place.count > 6 && reason(queue).rawValue == place[6], "\(queue)")
        }
        #expect(view.reasons.values.reduce(0, +) == view.head.waiting)
    }

    /// Each slot, queue and waiter is seen, whatever the slices.
    @Test func whatStaysIsSeenWhileOtherThingsComeAndGo() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        for index in 0..<5 {
            _ = fleet.worker("w\(index)", pools: Array(repeating: "x|||raw", count: 30), probedBy: g)
        }
        fleet.cap(g, "*", 1, queueMax: 1_000)
        fleet.enqueueMany(g, 600) { "t\($0 % 200)" }
        let stay = fleet.look().line
        var turn = 0
        let view = fleet.view(waiters: 2_000) {
            turn += 1
            fleet.enqueue(g, fleet.newWaiter(), tenant: "t\(turn % 300)")
        }
        #expect(turn > 20)
        #expect(view.slots.filter { _ in true }.count == 150)
        #expect(Set(stay).isSubset(of: Set(view.line.map(\.id))))
        #expect(view.queues.count >= 200)
    }

    @Test func waitersOfTheSameScoreAreAllInTheLine() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        for _ in 0..<150 { fleet.enqueue(g, fleet.newWaiter(), "nowhere|||raw") }
        _ = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.cap(g, "a", 0)
        for _ in 0..<150 { fleet.enqueue(g, fleet.newWaiter()) }
        let line = fleet.look().line
        for id in line { fleet.redis("ZADD", "\(fleet.keys.prefix)line", "7", id) }
        #expect(Set(fleet.view(waiters: 1_000).line.map(\.id)) == Set(line))
    }

    @Test func usageIsToldByDay() {
        let g = fleet.gateway()
        let today = fleet.milliseconds / 86_400_000
        fleet.redis("HSET", "\(fleet.keys.prefix)usage:\(today - 1)", "a", "1 2 3 4")
        fleet.redis("HSET", "\(fleet.keys.prefix)usage:\(today)", "b", "5 6 7 8")
        fleet.auditsEachStep = false
        #expect(fleet.view().uses.keys.sorted() == ["b"])
        let slice = fleet.raw("survey", ["", "0", "0", "0", "0", "usage", "", "0", String(today - 1)]).list
        #expect(slice[0].string == "" || slice[0].string == "line")
        #expect(slice.dropFirst(2).map(\.strings) == [["use", "a", "1 2 3 4"]])
        _ = g
    }
}
