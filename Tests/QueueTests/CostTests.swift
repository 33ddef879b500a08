import QueueCore
import TestSupport
import Testing

@Suite struct CostTests {
    let fleet = Fleet()

    /// Redis commands run so far, those inside scripts too.
    private func calls() -> Int {
        fleet.redis("INFO", "commandstats").string.split(whereSeparator: \.isNewline).reduce(0) { sum, line in
            guard let from = line.firstRange(of: "calls=")?.upperBound else { return sum }
            return sum + (Int(line[from...].prefix { $0 != "," }) ?? 0)
        }
    }

    @Test func aDispatchCostsTheSameHoweverManySelectorsWait() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x:y|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        var grant = fleet.enqueue(g, fleet.newWaiter(), tenant: "served", "x:y|||raw").grant!
        var (costs, waiting) = ([Int](), 0)
        for size in [10, 500] {
            for number in waiting..<size {
                fleet.enqueue(g, fleet.newWaiter(), tenant: "t\(number / 16)", "x:y:s\(number)|||raw")
            }
            waiting = size
            fleet.accept(w, grant)
            fleet.release(w, grant)
            let before = calls()
            fleet.ready(w, grant)
            costs.append(calls() - before)
            grant = fleet.collect(g, [grant.letter]).grants.first!
        }
        #expect(costs[1] <= costs[0] + 4, "\(costs)")
        #expect(fleet.audit() == [])
        _ = ear
    }

    @Test func aDispatchCostsTheSameWhateverWaitsBehindCappedTenants() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(g)
        fleet.cap(g, "*", 0, queueMax: 1_000_000)
        fleet.cap(g, "served", 1)
        var costs: [Int] = []
        var waiting = 0
        for size in [100, 20_000] {
            fleet.enqueueMany(g, size - waiting) { "t\($0 % 50)" }
            waiting = size
            let first = fleet.enqueue(g, fleet.newWaiter(), tenant: "served").grant!
            fleet.enqueue(g, fleet.newWaiter(), tenant: "served")
            fleet.accept(w, first)
            fleet.release(w, first)
            let before = calls()
            fleet.ready(w, first)
            costs.append(calls() - before)
            let grant = fleet.collect(g).grants[0]
            fleet.accept(w, grant)
            fleet.release(w, grant)
            fleet.ready(w, grant)
        }
        #expect(costs[1] <= costs[0] * 2, "\(costs)")
        #expect(costs[1] < 100, "\(costs)")
        #expect(fleet.audit() == [])
        _ = ear
    }

    /// Acknowledgements of grants leave the mailbox together, and nothing is looked up for them.
    @Test func acknowledgementsCostOneCommand() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        let w = fleet.worker(pools: Array(repeating: "x|||raw", count: 300), probedBy: g)
        let grants = (0..<300).map { _ in fleet.enqueue(g, fleet.newWaiter()).grant! }
        for grant in grants { fleet.accept(w, grant) }
        func cost(_ acknowledged: [String]) -> Int {
            let before = calls()
            fleet.collect(g, acknowledged)
            return calls() - before
        }
        _ = cost([])
        let without = cost([])
        let ids = grants.map(\.letter)
        let with = cost(Array(ids.prefix(QueueLimits.collectBatch)))
        // One ZREM, and what any writing call adds.
        #expect(with <= without + 4, "\(without) without, \(with) with 256")
        #expect(fleet.audit() == [])
    }

    @Test func whatACallAcknowledgesIsBounded() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        _ = fleet.worker(pools: Array(repeating: "x|||raw", count: 258), probedBy: g)
        let ids = (0..<258).map { _ in
            // The mailbox is sorted by milliseconds.
            fleet.advance(milliseconds: 1)
            return fleet.enqueue(g, fleet.newWaiter()).grant!.letter
        }
        let left = fleet.collect(g, ids).grants.map(\.letter)
        #expect(left == Array(ids.dropFirst(QueueLimits.collectBatch)))
        #expect(fleet.collect(g, left).grants.isEmpty)
    }

    /// A gateway's renew counts and lists, and never looks at each waiter.
    @Test func aRollOf19000WaitersCostsAFewCountsAndFiveListings() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        fleet.register(Caller("worker", "w"), pools: ["x|||raw"])
        fleet.cap(g, "a", 1, queueMax: 1_000_000)
        let spread = (0..<19_000).map { WaiterID(high: UInt64($0) &* 0x9e37_79b9_7f4a_7c15, low: UInt64($0)).text }
        fleet.enqueueMany(g, spread) { _ in "a" }
        var costs: [Int] = []
        for count in ["0", "5"] {
            let counts = Array(repeating: count, count: QueueLimits.rollSlices).joined(separator: ",")
            let before = calls()
            let reply = fleet.run("roll", g, [counts, "00"])
            costs.append(calls() - before)
            #expect(reply.listings.count == QueueLimits.rollListingsMax)
            #expect(reply.listings.allSatisfy { $0.count <= 2 + QueueLimits.rollIdsMax })
        }
        #expect(costs.allSatisfy { $0 < 100 }, "\(costs)")
        var counts = Array(repeating: 0, count: QueueLimits.rollSlices)
        for id in spread { counts[Int(id.prefix(2), radix: 16)! / 4] += 1 }
        let before = calls()
        let agreed = [counts.map(String.init).joined(separator: ","), "0c"]
        #expect(fleet.run("roll", g, agreed).listings.count == 1)
        #expect(calls() - before < 40, "where all agree, slices are counted eight at a time")
    }

    /// Renews and sweeps compare a bounded number of entries, however many there are.
    @Test func comparingTakesTheSameOfEachCallHoweverManyWait() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        let w = Caller("worker", "w")
        fleet.register(w, pools: Array(repeating: "x|||raw", count: 64))
        fleet.cap(g, "*", 1, queueMax: 1_000_000)
        fleet.enqueueMany(g, Sample.count("BERTH_COMPARED_WAITERS", sample: 2_000, whole: 50_000)) { "t\($0 % 500)" }
        var most: [String: Int] = [:]
        for _ in 0..<40 {
            fleet.advance(milliseconds: 1_000)
            for (name, call) in [
                ("renew of a worker", { _ = self.fleet.renew(w, (0..<64).map { self.fleet.row($0, "free") }) }),
                ("renew of a gateway", { _ = self.fleet.renew(g) }),
                ("sweep", { _ = self.fleet.sweep(g) }),
            ] {
                let before = calls()
                call()
                most[name] = max(most[name] ?? 0, calls() - before)
            }
        }
        print("most commands:", most.sorted { $0.key < $1.key })
        #expect(most.values.allSatisfy { $0 < 600 }, "\(most): a millisecond")
        #expect(fleet.audit() == [])
    }
}
