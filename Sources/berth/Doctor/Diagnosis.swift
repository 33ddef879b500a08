/// The findings, in the order of the paths, and what they come to.
public struct Diagnosis: Hashable, Sendable {
    public let findings: [Finding]
    /// Redis was reached, so that the fleet could be looked at.
    public let hasLooked: Bool

    public init(_ facts: Facts) {
        findings =
            facts.redis.findings + (facts.fleet?.findings ?? []) + facts.door.findings + facts.machine.findings
        if case .given = facts.redis.answer { hasLooked = true } else { hasLooked = false }
    }

    public var wrong: Int { findings.count { $0.verdict == .wrong } }

    /// 0 if all is well, 1 if something is wrong, 2 if Redis could not be asked.
    public var exitCode: Int32 { hasLooked ? (wrong == 0 ? 0 : 1) : 2 }

    /// For people: a paragraph for each path. Names and words are as Redis has them, so escape them for a terminal.
    public var lines: [String] {
        var lines: [String] = []
        for path in Path.allCases {
            let ours = findings.filter { $0.check.path == path }
            guard !ours.isEmpty else { continue }
            lines.append(path.rawValue)
            for finding in ours {
                lines.append("  \(Self.mark(finding.verdict)) \(Self.padded(finding.check.rawValue)) \(finding.words)")
                if !finding.change.isEmpty {
                    lines.append("  \(String(repeating: " ", count: 5 + 1 + Self.nameWidth)) → \(finding.change)")
                }
            }
        }
        lines.append(verdict)
        return lines
    }

    private var verdict: String {
        guard hasLooked else { return "The fleet could not be looked at." }
        switch wrong {
        case 0: return "All is well."
        case 1: return "One thing is wrong."
        default: return "\(wrong) things are wrong."
        }
    }

    private static let nameWidth = Check.allCases.map(\.rawValue.count).max() ?? 0

    private static func padded(_ name: String) -> String {
        name + String(repeating: " ", count: nameWidth - name.count)
    }

    private static func mark(_ verdict: Finding.Verdict) -> String {
        switch verdict {
        case .ok: "OK   "
        case .wrong: "WRONG"
        case .skipped: "–    "
        }
    }
}
