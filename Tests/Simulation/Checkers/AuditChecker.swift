import QueueCore
import SimulatedRedis

/// The shipped `audit` finds nothing: asked as `berth audit` asks, now and then and at each stage.
final class AuditChecker: Checker {
    /// Writing calls between two audits.
    private static let every = 120
    private var calls = 0
    private var isAuditing = false

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.wrote, !isAuditing else { return }
        calls += 1
        // The keys themselves are many: at each stage.
        if calls % AuditChecker.every == 0 { audit(upTo: "keys", into: ledger) }
    }

    func look(_ stage: Stage, at now: Int64, into ledger: Ledger) { audit(upTo: "", into: ledger) }

    private func audit(upTo end: String, into ledger: Ledger) {
        isAuditing = true
        defer { isAuditing = false }
        let redis = ledger.store.redis
        var (section, cursor) = ("", "")
        // Bounded: a pass has some ten slices in a small fleet.
        for _ in 0..<1_000 {
            let words = ["", "0", "0", "0", "0", section, cursor]
            let reply = redis.call(
                "audit", keys: [Array(ledger.store.key("state").utf8)], arguments: words.map { Array($0.utf8) })
            guard let slice = AuditReport.Slice(reply: (reply.elements ?? []).map { $0.text ?? "" }) else {
                return ledger.found("audit", "no slice of \(section): \(reply)")
            }
            for finding in slice.findings { ledger.found("audit", finding.description) }
            (section, cursor) = (slice.nextSection, slice.nextCursor)
            if section == end { return }
        }
        ledger.found("audit", "does not end")
    }
}

/// No script may fail: nothing is rolled back.
final class ScriptErrorChecker: Checker {
    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        if call.status == "error" || call.status == "bad" {
            ledger.found("scripts", "\(call.script) \(call.arguments.joined(separator: " ")): \(call.reply)")
        }
    }
}

/// One checker for each promise.
/// - Parameters:
///   - looksEvery: how many commits lie between two looks at the whole fleet.
///   - firstLook: with another one other commits are looked at.
public func allCheckers(looksEvery: Int, firstLook: Int) -> [any Checker] {
    [
        AuditChecker(), ScriptErrorChecker(), StructureChecker(every: looksEvery, first: firstLook), GrantChecker(),
        SlotUseChecker(), SidecarUseChecker(), EndChecker(), StaleChecker(), GrantNewsChecker(), DeadProcessChecker(),
        LeavingChecker(),
        OccupiedChecker(), RecoveryChecker(), OutsideEndChecker(), DeadlineChecker(), AliasChecker(), MailboxChecker(),
        VerdictChecker(), SlotTurnChecker(), ClaimChecker(), SuspensionChecker(), GraceChecker(), LossChecker(),
        SettingsChecker(), UsageChecker(), RowChecker(), BlameChecker(), LostWaiterChecker(), DrainChecker(),
        ThroughputChecker(),
    ]
}
