import Foundation
import QueueCore
import Testing

@testable import Queue

/// What operators ask of a fleet, asked by tests.
extension Fleet {
    /// The shipped audit without its bound, and all its sections in one call.
    func loadWholeAudit() {
        var source = String(decoding: ScriptLibrary.audit.source, as: UTF8.self)
        func change(_ old: String, _ new: String) {
            let changed = source.replacingOccurrences(of: old, with: new)
            precondition(changed != source, "spelled elsewhere: \(old)")
            source = changed
        }
        change("local LOOKS_A_CALL = 32\n", "local LOOKS_A_CALL = 1000000\n")
        change("section = section == '' and 'workers' or section\n", "section = 'workers'\nrepeat\n")
        change(
            "return reply(rest and section or following, rest or '')",
            "if rest then return reply(section, rest) end\nsection = following\nuntil section == ''\nreturn reply('', '')"
        )
        load("auditWhole", source: Self.turned(source))
    }

    func findings() -> [String] {
        let (found, look) = auditAndLook()
        return found + look.findings
    }

    /// The whole audit, and the test's own look.
    func auditAndLook() -> (findings: [String], Look) {
        let reply = redis.ask(["EVALSHA", loaded["auditWhole"]!, "1", keys.meta, "", "0", "0", "0", "0", "", ""])
        guard let whole = AuditReport.Slice(reply: reply.strings), whole.nextSection == "" else {
            return ([reply.string + reply.strings.joined(separator: " ")], Look([]))
        }
        return (whole.findings.map(\.description), look())
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

    /// Slots wanted, asked until they are counted.
    func wanted() -> [String: Int] {
        for _ in 0..<10_000 {
            let words = raw("wanted", ["", "0", "0", "0", "0"]).strings
            if words.first == "ok" { return Inspector.numbers(words.dropFirst(2)) }
            guard words.first == "more" else { break }
        }
        Issue.record("no answer")
        return [:]
    }
}
