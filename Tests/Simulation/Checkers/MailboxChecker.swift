import QueueCore

/// L2: a grant stays in its gateway's mailbox until that has acknowledged it.
final class MailboxChecker: Checker {
    private var acknowledged: Set<String> = []
    private var number = ""

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        if script == "collect" { acknowledged.formUnion(arguments.dropFirst(5)) }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.wrote else { return }
        let store = ledger.store
        let seq = store.field("state", of: "seq") ?? ""
        guard seq != number || call.script == "collect" else { return }
        number = seq
        for (id, _) in store.deadlines {
            guard store.field("lease", id, of: "state") == "granted",
                let gateway = store.field("lease", id, of: "gateway"),
                let worker = store.field("lease", id, of: "worker"), let slot = store.field("lease", id, of: "slot")
            else { continue }
            let mail = store.redis.ranked(store.key("gateway", gateway, "mail"))
            let letter = "\(id) \(worker)/\(slot)"
            if !acknowledged.contains(letter), !mail.contains(where: { $0.member == letter }) {
                ledger.found("L2", "the grant \(id) is not in the mailbox of \(gateway)")
            }
        }
    }
}

/// L3: a gateway that has heard of a grant comes to a verdict; none runs into its deadline. Judged while nothing is wrong
/// with Redis.
final class VerdictChecker: Checker {
    /// A dial of 2 s and what is said to Redis about it; the deadline is at 5 s.
    private static let bound: Int64 = 4_400_000
    /// So close is the deadline then, in milliseconds.
    private static let close: Int64 = 600
    private static let recovery: Int64 = 4_000_000

    private var heard: [(lease: String, gateway: ProcessID, at: Int64)] = []
    private var absent: Set<ProcessID> = []

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .gatewayHeard(let gateway, let lease): heard.append((lease.description, gateway, now))
        case .processGone(let process), .processPaused(let process): absent.insert(process)
        // A verdict may be among what is lost, and no commit number shows it if a later call has the same number.
        case .storeLostData: heard = []
        default: break
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        while let first = heard.first, now - first.at > VerdictChecker.bound {
            heard.removeFirst()
            let store = ledger.store
            guard !absent.contains(first.gateway), let calm = ledger.calmSince,
                first.at - calm > VerdictChecker.recovery, store.field("lease", first.lease, of: "state") == "granted",
                let entry = store.deadlines.first(where: { $0.member == first.lease })
            else { continue }
            // A later grant of the same name has more time left.
            guard Int64(entry.score) - store.redis.now / 1_000 < VerdictChecker.close else { continue }
            ledger.found("L3", "\(first.gateway) lets the grant \(first.lease) run into its deadline")
        }
    }
}
