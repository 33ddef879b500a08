import Testing

@testable import QueueCore

@Suite struct FleetViewTests {
    private func view(_ rows: [[String]]) -> FleetView {
        var survey = FleetSurvey()
        for row in rows { survey.add(row) }
        return survey.view
    }

    private func worker(_ id: String = "w.1", state: String = "ok", draining: Bool = false, due: Int = 1_010_000)
        -> [String]
    {
        ["worker", id, "127.0.0.1:1", state, draining ? "1" : "0", "", "\(due)", "0", "0", "0", "900000", "1.2"]
    }

    private func slot(_ number: Int, _ pool: String, tenant: String = "") -> [String] {
        tenant.isEmpty
            ? ["slot", "w.1", "\(number)", "free", pool, "-", "", "", "", "", ""]
            : ["slot", "w.1", "\(number)", "leased", pool, "l.\(number)", tenant, "accepted", "l", "ci", "950000"]
    }

    private func queue(_ tenant: String, _ count: Int, pools: String, score: Int = 1, selector: String = "x|||")
        -> [String]
    {
        ["queue", selector, pools, tenant, "\(count)", "\(score)", "\(score)000"]
    }

    /// A waiter that a cap holds back needs no worker; each waiter counts once, for its first pool.
    @Test func wantedIsWhatIsHeldAndWhatTheCapsLetWait() {
        let view = view([
            ["setting", "tenant:a", "3,10,1,0,1,0"], ["setting", "tenant:*", "5,10,1,0,1,0"], ["pool", "x|||raw"],
            worker(), slot(0, "x|||raw", tenant: "a"), slot(1, "x|||raw", tenant: "b"), slot(2, "y|||raw"),
            queue("a", 9, pools: "x|||raw y|||raw"), queue("b", 2, pools: "y|||raw x|||raw", score: 2),
            queue("c", 8, pools: "", score: 3),
        ])
        #expect(view.slotsWanted == ["x|||raw": 1 + 1 + 2, "y|||raw": 2])
        #expect(view.poolCounts.map(\.waiting) == [9, 2])
    }

    @Test func aTenantsQueuesShareItsCapInTheOrderOfTheirHeads() {
        let view = view([
            ["setting", "tenant:*", "3,10,1,0,1,0"], queue("a", 2, pools: "late|||raw", score: 9, selector: "late|||"),
            queue("a", 2, pools: "early|||raw", score: 4, selector: "early|||"),
            ["aside", "w", "a", "x|||", "x|||raw"],
        ])
        #expect(view.slotsWanted == ["early|||raw": 2, "late|||raw": 0, "x|||raw": 1])
    }

    @Test func reasonsComeInTheirOrder() {
        let base = [
            ["setting", "tenant:full", "1,10,1,0,1,0"], worker(), slot(0, "x|||raw", tenant: "full"),
            slot(1, "y|||raw"),
        ]
        func reason(_ tenant: String, _ pools: String, _ more: [[String]] = []) -> Place.Reason? {
            view(base + more + [queue(tenant, 1, pools: pools)]).tenantCounts.first { $0.tenant == tenant }?.reason
        }
        #expect(reason("full", "x|||raw") == .tenantCap)
        #expect(reason("a", "x|||raw") == .capacity)
        #expect(reason("a", "z|||raw") == .noWorker && reason("a", "") == .noWorker)
        let paused = [["setting", "pause:x", "1"]]
        #expect(reason("a", "x|||raw", paused) == .paused)
        #expect(reason("a", "x|||raw y|||raw", paused) == .capacity, "another pool serves")
        #expect(reason("a", "x|||raw", [["setting", "pause:x|||raw", "1"]]) == .paused)
        #expect(reason("a", "x|||raw", [worker(draining: true)]) == .noWorker)
        #expect(reason("a", "x|||raw", [worker(state: "quarantined")]) == .noWorker)
        let head = [["fleet", "3", "1", "1", "0", "1", "0", "1", "", "0"]]
        #expect(reason("full", "x|||raw", head) == .recovering)
    }

    @Test func rowsThatComeTwiceCountOnceAndUnreadableOnesNotAtAll() {
        let view = view([
            worker(), slot(0, "x|||raw", tenant: "a"), slot(0, "x|||raw"), worker(state: "probing"),
            queue("a", 2, pools: "x|||raw"), queue("a", 3, pools: "x|||raw"),
            ["slot", "w.1", "none", "free", "x|||raw", "-", "", "", "", "", ""],
            ["slot", "w.1", "5", "odd", "x", "-", "", "", "", "", ""],
            [], ["unknown", "x"], ["queue", "x"], ["use", "a", "1 2"],
        ])
        #expect(view.workers.map(\.state) == ["probing"] && view.workers[0].slots.count == 1)
        #expect(view.held.isEmpty && view.poolCounts[0].waiting == 3 && view.uses.isEmpty)
    }

    @Test func workersAndSessionsHaveTheirTimes() {
        var unsaid = worker("w.2")
        unsaid.replaceSubrange(10..., with: ["", ""])
        let view = view([worker(), unsaid, slot(0, "x|||raw", tenant: "a"), slot(1, "x|||raw")])
        #expect(view.workers.map(\.startedMilliseconds) == [900_000, nil])
        #expect(view.workers.map(\.version) == ["1.2", ""])
        #expect(view.workers[0].slots.map(\.run) == ["ci", ""])
        #expect(view.workers[0].slots.map(\.sinceMilliseconds) == [950_000, nil])
    }

    @Test func aHeartbeatIsLateAfterTwoWereDue() {
        let ttl = QueueLimits.processTTLMilliseconds
        func isLate(_ sinceHeartbeat: Int) -> Bool {
            view([worker(due: 1_000_000 + ttl - sinceHeartbeat)]).workers[0].isLate(at: 1_000_000)
        }
        #expect(!isLate(2 * QueueLimits.heartbeatMilliseconds) && isLate(2 * QueueLimits.heartbeatMilliseconds + 1))
    }
}
