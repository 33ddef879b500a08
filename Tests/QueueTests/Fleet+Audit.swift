import QueueCore
import Testing

@testable import Queue

/// What operators ask of a fleet, asked by tests.
extension Fleet {
    func findings() -> [String] {
        let (found, look) = auditAndLook()
        return found + look.findings
    }

    /// The whole audit in one round trip, and the test's own look.
    func auditAndLook() -> (findings: [String], Look) {
        let begin = ["EVALSHA", loaded["auditWhole"]!, "1", keys.state, "", "0", "0", "0", "0"]
        let replies = redis.pipeline(AuditReport.sections.map { begin + [$0, ""] })
        var found: [String] = []
        for (section, reply) in zip(AuditReport.sections, replies) {
            guard let slice = AuditReport.Slice(reply: reply.strings), slice.nextSection != section else {
                return ([reply.string + reply.strings.joined(separator: " ")], Look([]))
            }
            found += slice.findings.map(\.description)
        }
        return (found, look())
    }

    /// One slice as it is shipped; `nil` where the schema is another.
    func auditSlice(_ section: String, _ cursor: String) -> AuditReport.Slice? {
        AuditReport.Slice(reply: raw("audit", ["", "0", "0", "0", "0", section, cursor]).strings)
    }

    /// A full pass by the shipped slices. `between` is called after each.
    func audit(between: () -> Void = {}) -> [String] {
        var (section, cursor) = ("", "")
        var report = AuditReport()
        repeat {
            guard let slice = auditSlice(section, cursor) else { return ["no slice of \(section)"] }
            report.add(slice, of: section)
            for finding in slice.findings {
                guard let second = auditSlice("item", finding.item) else { return ["no item \(finding.item)"] }
                report.confirm(finding, by: second)
            }
            (section, cursor) = (slice.nextSection, slice.nextCursor)
            between()
        } while section != ""
        return report.findings.map(\.description)
    }

    /// All slices of the survey, as `Inspector` puts them together. `between` is called after each.
    func view(waiters: Int = 0, between: () -> Void = {}) -> FleetView {
        var survey = FleetSurvey()
        var (section, cursor) = ("", "")
        repeat {
            let items = raw("survey", ["", "0", "0", "0", "0", section, cursor, String(waiters)]).list
            guard items.count >= 2 else {
                Issue.record("no slice of \(section)")
                return survey.view
            }
            for row in items.dropFirst(2) { survey.add(row.strings) }
            (section, cursor) = (items[0].string, items[1].string)
            between()
        } while section != ""
        return survey.view
    }

    func wanted() -> [String: Int] { view().slotsWanted }
}
