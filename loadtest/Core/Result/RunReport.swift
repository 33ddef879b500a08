/// The result of a run in words, for a terminal.
public enum RunReport {
    /// More tenants than this are told by group.
    private static let tenantsShown = 12

    public static func text(_ result: RunResult) -> String {
        let sessions = result.sessions
        var lines = [
            "\(result.scenario.name): \(result.scenario.question)", "",
            "\(sessions.arrived) clients arrived in \(one(result.seconds)) s: \(sessions.served) served "
                + "(\(one(sessions.servedASecond)) a second)" + failures(sessions),
            "clients of a tenant that overtook an earlier one: \(sessions.overtaken)", "",
        ]
        var rows = [["milliseconds", "count", "mean", "p50", "p90", "p99", "p99.9", "longest"]]
        rows.append(["wait for a slot"] + columns(result.wait))
        if result.answer.count > 0 { rows.append(["answer to a message"] + columns(result.answer)) }
        lines += table(rows)
        lines.append("")
        lines += tenants(result)
        lines.append("")
        lines.append(
            "Little's law: \(one(result.checks.clientsWaiting)) clients waited on average, arrivals times wait are "
                + "\(one(result.checks.arrivalsTimesWait))")
        if let share = result.checks.workConservation {
            lines.append(
                "work conservation: \(one(share * 100)) % of the slots that waiting clients could use were in use")
        } else {
            lines.append("work conservation: no client had to wait for a slot")
        }
        if let restarted = result.restarted {
            lines.append("gateways restarted: \(restarted) of \(result.scenario.gateways)")
        }
        if let fairness = result.fairness { lines.append("Jain's index of fairness: \(hundredths(fairness))") }
        lines += result.checks.void.map { "VOID: \($0)" }
        return lines.joined(separator: "\n")
    }

    /// Two results side by side.
    public static func text(_ comparison: Comparison) -> String {
        var rows = [["milliseconds", "before", "after", "ratio", "95 % interval", "verdict"]]
        for row in comparison.rows {
            let interval = "\(hundredths(row.interval.lowerBound))-\(hundredths(row.interval.upperBound))"
            rows.append([
                row.name, hundredths(row.before), hundredths(row.after), hundredths(row.ratio), interval, row.verdict,
            ])
        }
        return table(rows).joined(separator: "\n")
    }

    private static func failures(_ sessions: RunResult.Sessions) -> String {
        var words: [String] = []
        for (status, count) in sessions.refused.sorted(by: { $0.key < $1.key }) {
            words.append("\(count) refused with \(status)")
        }
        if sessions.gaveUp > 0 { words.append("\(sessions.gaveUp) gave up") }
        if sessions.unreachable > 0 { words.append("\(sessions.unreachable) found nobody listening") }
        if sessions.lost > 0 { words.append("\(sessions.lost) lost their connection") }
        if sessions.broken > 0 { words.append("\(sessions.broken) got no proper answer") }
        return words.isEmpty ? ", none refused or lost" : ", " + words.joined(separator: ", ")
    }

    private static func tenants(_ result: RunResult) -> [String] {
        var rows = [
            [
                "tenant", "cap", "served", "slot seconds", "most at once", "p50 wait", "p99 wait", "p50 answer",
                "p99 answer",
            ]
        ]
        if result.tenants.count <= tenantsShown {
            for tenant in result.tenants {
                rows.append(
                    [
                        tenant.name, tenant.cap.map { "\($0)" } ?? "-", "\(tenant.served)", one(tenant.slotSeconds),
                        "\(tenant.inUseMost)",
                    ] + [tenant.wait.p50, tenant.wait.p99, tenant.answer.p50, tenant.answer.p99].map(hundredths))
            }
            return table(rows)
        }
        for group in result.scenario.groups {
            let some = result.tenants.filter { $0.group == group.name }
            let (waits, answers) = (some.map(\.wait), some.map(\.answer))
            rows.append([
                some.count == 1 ? group.name : "\(group.name) (\(some.count))",
                group.caps.isEmpty
                    ? "-"
                    : Set([group.caps[0], group.caps[group.caps.count - 1]]).sorted().map { "\($0)" }.joined(
                        separator: "-"),
                "\(some.reduce(0) { $0 + $1.served })", one(some.reduce(0) { $0 + $1.slotSeconds }),
                "\(some.map(\.inUseMost).max() ?? 0)",
                // The medians are those of the group's middle tenant, the others those of its worst tenant.
                hundredths(waits.map(\.p50).sorted()[waits.count / 2]), hundredths(waits.map(\.p99).max() ?? 0),
                hundredths(answers.map(\.p50).sorted()[answers.count / 2]), hundredths(answers.map(\.p99).max() ?? 0),
            ])
        }
        return table(rows)
    }

    private static func columns(_ summary: LatencySummary) -> [String] {
        ["\(summary.count)"]
            + [summary.mean, summary.p50, summary.p90, summary.p99, summary.p999, summary.max].map(hundredths)
    }

    /// The first column is aligned to the left, the others to the right.
    private static func table(_ rows: [[String]]) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.indices.map { column in
                let gap = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 0 ? row[column] + gap : gap + row[column]
            }.joined(separator: "  ")
        }
    }
}

/// With two decimals.
func hundredths(_ number: Double) -> String {
    let whole = Int((number * 100).rounded())
    let rest = abs(whole % 100)
    return "\(whole / 100).\(rest < 10 ? "0" : "")\(rest)"
}
