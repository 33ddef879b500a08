import QueueCore
import Testing

@testable import Queue

/// The usage of tenants, as Redis adds it from the renews of gateways and workers.
@Suite struct UsageTests {
    private static let day = 86_400_000
    let fleet = Fleet()

    private func usage(_ tenant: String, days: Int = QueueLimits.usageDays) -> [DayOfUse] {
        DayOfUse.all(in: fleet.raw("usage", ["", "0", "0", "0", "0", tenant, String(days)]).strings)
    }

    private var today: Int { fleet.milliseconds / UsageTests.day }

    private func key(_ day: Int) -> String { fleet.keys.prefix + "usage:\(day)" }

    /// Turns the clock without what an outage looks like, and sweeps.
    private func turn(days: Int, _ caller: Caller) {
        fleet.advance(milliseconds: days * UsageTests.day)
        // The first call after so long a silence begins the grace, in which nothing is deleted.
        fleet.sweep(caller)
        for _ in 0..<12 {
            fleet.advance(milliseconds: 1_000)
            fleet.renew(caller)
            fleet.sweep(caller)
        }
    }

    @Test func theSumsOfAllProcessesAreADaysUse() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.renew(g, usage: "1 a 0 1500 0 2,b 0 1 0 0")
        fleet.renew(w, usage: "1 a 2000 0 1 0")
        fleet.renew(w, usage: "2 a 500 0 0 0")
        #expect(
            usage("a") == [
                DayOfUse(
                    day: today,
                    use: Use(heldMilliseconds: 2_500, waitedMilliseconds: 1_500, sessions: 1, refusals: 2))
            ])
        #expect(usage("b") == [DayOfUse(day: today, use: Use(waitedMilliseconds: 1))])
        #expect(usage("c").isEmpty && usage("").isEmpty)
    }

    @Test func aBatchIsAddedOnce() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        for caller in [g, w] {
            fleet.renew(caller, usage: "7 \(caller.kind) 1 2 3 4")
            fleet.renew(caller, usage: "7 \(caller.kind) 1 2 3 4")
            fleet.renew(caller, usage: "6 \(caller.kind) 1 2 3 4")
            #expect(usage(caller.kind).map(\.use.words) == ["1 2 3 4"])
            fleet.renew(caller, usage: "8 \(caller.kind) 1 0 0 0")
            #expect(usage(caller.kind).map(\.use.words) == ["2 2 3 4"])
        }
        // A worker's renew that Redis executes late: its rows are old, its usage is not.
        fleet.run("renew", w, ["0", "", "0", "9 worker 1 0 0 0"])
        #expect(usage("worker").map(\.use.words) == ["3 2 3 4"])
    }

    @Test func eachDayHasItsOwnAndOldOnesAreDeleted() {
        let g = fleet.gateway()
        let first = today
        fleet.renew(g, usage: "1 a 1 0 0 0")
        fleet.advance(milliseconds: UsageTests.day)
        fleet.register(g)
        fleet.renew(g, usage: "2 a 2 0 0 0")
        #expect(usage("a").map(\.day) == [first + 1, first] && usage("a", days: 1).map(\.use.heldMilliseconds) == [2])
        turn(days: QueueLimits.usageDays - 2, g)
        #expect(usage("a").map(\.day) == [first + 1, first])
        turn(days: 1, g)
        #expect(usage("a").map(\.day) == [first + 1])
        #expect(fleet.redis("EXISTS", key(first)).string == "0" && fleet.redis("EXISTS", key(first + 1)).string == "1")
        turn(days: 40, g)
        #expect(fleet.redis("EXISTS", key(first + 1)).string == "0")
    }

    @Test func aDayHasABoundedNumberOfTenants() throws {
        let g = fleet.gateway()
        fleet.renew(g, usage: "1 early 1 0 0 0")
        fleet.auditsEachStep = false
        let most = 10_000
        for start in stride(from: 0, to: most - 2, by: 1_000) {
            let rows = (start..<min(start + 1_000, most - 2)).flatMap { ["t\($0)", "1 0 0 0"] }
            fleet.redis.command(["HSET", key(today)] + rows)
        }
        fleet.renew(g, usage: "2 last 1 0 0 0,late 2 0 0 0,later 4 0 0 0,early 8 0 0 0")
        fleet.renew(g, usage: "3 latest 0 1 0 0,last 1 0 0 0")
        #expect(usage("early").first?.use.heldMilliseconds == 9 && usage("last").first?.use.heldMilliseconds == 2)
        #expect(usage("late").isEmpty)
        #expect(usage(UsageMeter.others).map(\.use.words) == ["6 1 0 0"])
    }

    @Test func numbersStayExactUpToTheirBound() {
        let g = fleet.gateway()
        fleet.renew(g, usage: "1 a 999999999999998 123456789012345 0 0")
        #expect(usage("a").map(\.use.words) == ["999999999999998 123456789012345 0 0"])
        fleet.renew(g, usage: "2 a 5 0 0 0")
        #expect(usage("a").map(\.use.heldMilliseconds) == [Use.numberMax])
    }

    @Test(arguments: [
        "1", "1 ", "x a 1 1 1 1", "1 a 1 1 1", "1 a 1 1 1 1 1", "1 a -1 1 1 1", "1 a 1.5 1 1 1", "1 a b 1 1 1 1",
        "1 a 1000000000000000 0 0 0", "1 a:b 1 1 1 1", "1  1 1 1 1", "99999999999999999 a 1 1 1 1", ",",
        "1 " + Array(repeating: "a 1 1 1 1", count: 129).joined(separator: ","),
    ])
    func aBadBatchChangesNothing(_ batch: String) {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let before = fleet.snapshot()
        #expect(fleet.renew(g, usage: batch).status == "bad" && fleet.renew(w, usage: batch).status == "bad")
        #expect(fleet.snapshot() == before)
    }

    @Test func aRenewThatDiesMidwayAddsItsBatchOnceOrNever() {
        fleet.auditsEachStep = false
        fleet.loadDying()
        var sums: [Int] = []
        repeat {
            fleet.begin()
            let g = fleet.gateway()
            fleet.dying(at: sums.count + 1) { fleet.renew(g, usage: "1 a 5 0 0 0") }
            fleet.renew(g, usage: "1 a 5 0 0 0")
            while fleet.sweep(g).moreToDo {}
            sums.append(usage("a").first?.use.heldMilliseconds ?? 0)
            #expect(fleet.findings() == [])
        } while fleet.hasDied && sums.count < 20
        #expect(Set(sums) == [0, 5] && sums.last == 5, "\(sums)")
    }

    /// A day is one key, and a tenant without use has none of its own.
    @Test func aBatchCostsFewCommandsHoweverManyTenants() {
        let g = fleet.gateway()
        fleet.renew(g, usage: "1 a 1 0 0 0")
        func calls() -> Int {
            fleet.redis("INFO", "commandstats").string.split(whereSeparator: \.isNewline).reduce(0) { sum, line in
                guard let from = line.firstRange(of: "calls=")?.upperBound else { return sum }
                return sum + (Int(line[from...].prefix { $0 != "," }) ?? 0)
            }
        }
        func cost(_ usage: String) -> Int {
            let before = calls()
            fleet.run("roll", g, ["", "", "0", usage])
            return calls() - before
        }
        fleet.auditsEachStep = false
        let without = cost("")
        let rows = (0..<QueueLimits.usageBatch).map { "t\($0) 1 1 1 1" }.joined(separator: ",")
        #expect(cost("2 " + rows) <= without + 8)
    }
}
