import QueueCore
import TestSupport
import Testing

/// What operators ask must not hold up those who wait, however large the fleet.
@Suite struct InspectionCostTests {
    let fleet = Fleet()

    private func calls() -> Int {
        fleet.redis("INFO", "commandstats").string.split(whereSeparator: \.isNewline).reduce(0) { sum, line in
            guard let from = line.firstRange(of: "calls=")?.upperBound else { return sum }
            return sum + (Int(line[from...].prefix { $0 != "," }) ?? 0)
        }
    }

    /// The most commands of one call, and how many calls there were.
    private func most(_ body: () -> Bool) -> (commands: Int, calls: Int) {
        var (most, count) = (0, 0)
        var before = calls()
        var goesOn = true
        while goesOn {
            goesOn = body()
            let now = calls()
            most = max(most, now - before)
            before = now
            count += 1
        }
        return (most, count)
    }

    @Test func slicesOfAuditAndSurveyAreBoundedWhateverWaits() throws {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        for index in 0..<4 {
            _ = fleet.worker("w\(index)", pools: Array(repeating: "x|||raw", count: 200), probedBy: g)
        }
        fleet.cap(g, "*", 2, queueMax: 1_000)
        let tenants = Sample.count("BERTH_INSPECTED_TENANTS", sample: 3_000, whole: 10_000)
        fleet.enqueueMany(g, 3 * tenants) { "t\($0 % tenants)" }
        var (section, cursor) = ("", "")
        let audit = most {
            guard let slice = fleet.auditSlice(section, cursor) else { return false }
            #expect(slice.findings.isEmpty)
            (section, cursor) = (slice.nextSection, slice.nextCursor)
            return section != ""
        }
        #expect(audit.commands < 600 && audit.calls > tenants / 20, "\(audit)")
        (section, cursor) = ("", "")
        let survey = most {
            let slice = fleet.raw("survey", ["", "0", "0", "0", "0", section, cursor, "1000"]).list
            (section, cursor) = (slice[0].string, slice[1].string)
            return section != ""
        }
        #expect(survey.commands < 300 && survey.calls > tenants / 100, "\(survey)")
        let view = fleet.view(waiters: 1_000)
        #expect(view.slotsWanted == ["x|||raw": 2 * tenants], "two for each tenant")
        #expect(view.line.map(\.id) == Array(fleet.look().line.prefix(1_000)))
    }
}
