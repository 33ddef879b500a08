import Testing

@testable import QueueCore

/// Counts of a process until Redis has them: nothing is lost while it lives, nothing is counted twice.
@Suite struct UsageTests {
    /// The rows of a batch by tenant.
    private func rows(_ batch: String) -> [String: Use] {
        guard let blank = batch.firstIndex(of: " ") else { return [:] }
        let rows = batch[batch.index(after: blank)...].split(separator: ",").map { row in
            let end = row.firstIndex(of: " ")!
            return (String(row[..<end]), Use(words: row[end...])!)
        }
        return Dictionary(rows) { one, other in
            var sum = one
            sum.add(other)
            return sum
        }
    }

    @Test func timeIsCountedWhileItPasses() {
        var meter = UsageMeter()
        meter.note(.waitBegan, of: "a", now: 0)
        meter.note(.waitBegan, of: "a", now: 1_000)
        #expect(rows(meter.batch(now: 3_000)) == ["a": Use(waitedMilliseconds: 5_000)])
        meter.answered("1 a 0 5000 0 0", isTaken: true)
        meter.note(.waitEnded, of: "a", now: 4_000)
        meter.note(.sessionBegan, of: "a", now: 4_000)
        meter.note(.waitEnded, of: "a", now: 5_000)
        meter.note(.refused, of: "a", now: 5_000)
        meter.note(.refused, of: "b", now: 5_000)
        let second = meter.batch(now: 10_000)
        #expect(
            rows(second) == [
                "a": Use(heldMilliseconds: 6_000, waitedMilliseconds: 3_000, sessions: 1, refusals: 1),
                "b": Use(refusals: 1),
            ])
        meter.answered(second, isTaken: true)
        #expect(!meter.isEmpty, "a session goes on")
        meter.note(.sessionEnded, of: "a", now: 10_500)
        let third = meter.batch(now: 99_000)
        #expect(rows(third) == ["a": Use(heldMilliseconds: 500)])
        meter.answered(third, isTaken: true)
        #expect(meter.isEmpty && meter.batch(now: 99_000) == "")
    }

    @Test func aLostReplyRepeatsTheBatchAndItsNumber() {
        var meter = UsageMeter()
        meter.note(.refused, of: "a", now: 0)
        let first = meter.batch(now: 0)
        meter.note(.refused, of: "a", now: 1)
        #expect(meter.batch(now: 2) == first && first == "1 a 0 0 0 1")
        meter.answered(first, isTaken: true)
        let second = meter.batch(now: 3)
        #expect(second == "2 a 0 0 0 1")
        // The answer to the other renew that carried the first batch.
        meter.answered(first, isTaken: true)
        #expect(meter.batch(now: 4) == second)
    }

    @Test func aRecordThatIsGoneDropsOnlyWhatItMayHave() {
        var meter = UsageMeter()
        meter.note(.refused, of: "a", now: 0)
        let refused = meter.batch(now: 0)
        meter.answered(refused, isTaken: false)
        meter.forgotten()
        #expect(meter.batch(now: 1) == refused, "Redis answered that it did not take it")
        meter.note(.refused, of: "b", now: 1)
        meter.forgotten()
        #expect(rows(meter.batch(now: 2)) == ["b": Use(refusals: 1)], "Redis may have added the other one")
    }

    @Test func tenantsTakeTurns() {
        var meter = UsageMeter()
        let count = QueueLimits.usageBatch + 2
        for number in 0..<count { meter.note(.waitBegan, of: "t\(number)", now: 0) }
        var sums: [String: Use] = [:]
        for round in 1...4 {
            let batch = meter.batch(now: UInt64(round) * 1_000)
            #expect(rows(batch).count == QueueLimits.usageBatch)
            sums.merge(rows(batch)) { Use(waitedMilliseconds: $0.waitedMilliseconds + $1.waitedMilliseconds) }
            meter.answered(batch, isTaken: true)
        }
        #expect(sums.count == count)
        #expect(sums.values.allSatisfy { $0.waitedMilliseconds >= 3_000 }, "nobody is more than a round behind")
    }

    @Test func tenantsBeyondTheBoundAreNotToldApart() {
        var meter = UsageMeter()
        for number in 0..<UsageMeter.tenantsKeptMax { meter.note(.refused, of: "t\(number)", now: 0) }
        meter.note(.refused, of: "late", now: 0)
        meter.note(.waitBegan, of: "later", now: 0)
        meter.note(.refused, of: "t7", now: 0)
        meter.note(.waitEnded, of: "later", now: 500)
        var sums: [String: Use] = [:]
        while !meter.isEmpty {
            let batch = meter.batch(now: 500)
            sums.merge(rows(batch)) { one, _ in one }
            meter.answered(batch, isTaken: true)
        }
        #expect(sums.count == UsageMeter.tenantsKeptMax + 1)
        #expect(sums[UsageMeter.others] == Use(waitedMilliseconds: 500, refusals: 1))
        #expect(sums["t7"] == Use(refusals: 2))
    }

    @Test func aProcessThatLeavesEndsAll() {
        var meter = UsageMeter()
        meter.note(.sessionBegan, of: "a", now: 0)
        meter.endAll(now: 700)
        meter.note(.sessionEnded, of: "a", now: 900)
        let batch = meter.batch(now: 1_000)
        #expect(rows(batch) == ["a": Use(heldMilliseconds: 700, sessions: 1)])
        meter.answered(batch, isTaken: true)
        #expect(meter.isEmpty)
    }

    @Test(arguments: [
        (0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (11_017, "2000-03-01"), (19_723, "2024-01-01"),
        (20_785, "2026-11-28"), (47_541, "2100-03-01"),
    ])
    func aDayHasItsDate(_ day: Int, _ date: String) {
        #expect(DayOfUse(day: day, use: Use()).date == date)
    }

    @Test func aDateIsReadAsItIsWritten() {
        for day in stride(from: 0, to: 60_000, by: 7) {
            #expect(DayOfUse.day(ofDate: DayOfUse(day: day, use: Use()).date) == day)
        }
        #expect(DayOfUse.day(ofDate: "2024-02-29") != nil)
        for text in [
            "", "2026-02-29", "2026-13-01", "2026-00-10", "2026-11-31", "2026-1-1", "1969-12-31", "2026-11-2x",
            "+026-11-02",
        ] {
            #expect(DayOfUse.day(ofDate: text) == nil, "\(text)")
        }
    }
}
