import QueueCore

/// L8: one gateway's word does not take a worker from the others, who was wrong is not granted to, and nobody is
/// suspended because a client left.
final class ClaimChecker: Checker {
    /// What a broken connection may lead to comes within that.
    private static let breaking: Int64 = 12_000_000
    private static let recovery: Int64 = 4_000_000

    private enum Watch {
        /// Another gateway can look at it first.
        case claimed(worker: String)
        case refuted(claimant: String)
        case gone(gateway: String)
    }

    private var watch: Watch?
    private var absent: Set<String> = []
    private var lastBreak: Int64 = -ClaimChecker.breaking
    private var hasLostData = false

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .processGone(let process), .processPaused(let process): absent.insert(process.text)
        case .connectionBroke: lastBreak = now
        case .storeLostData: hasLostData = true
        default: break
        }
    }

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        watch = nil
        guard arguments.count > 6 else { return }
        let (store, caller) = (ledger.store, arguments[0])
        switch script {
        case "reject" where arguments.count > 7 && arguments[5] == "gateway" && arguments[7] == "unreachable":
            guard let worker = store.field("lease", arguments[6], of: "worker"),
                store.field("worker", worker, of: "state") == "ok"
            else { return }
            let others = store.redis.ranked(store.key("gateways")).map(\.member).filter { $0 != caller }
            if others.contains(where: { mark(of: $0, store) == "" }) { watch = .claimed(worker: worker) }
        case "reject" where arguments.count > 7 && arguments[5] == "worker" && arguments[7] == "gone":
            guard let gateway = store.field("lease", arguments[6], of: "gateway"),
                mark(of: gateway, store) == ""
            else { return }
            watch = .gone(gateway: gateway)
        case "probed" where arguments[6] == "1":
            guard store.field("worker", arguments[5], of: "state") == "suspect",
                let claimant = store.field("worker", arguments[5], of: "claimant"), claimant != caller
            else { return }
            watch = .refuted(claimant: claimant)
        default: break
        }
    }

    private func mark(of gateway: String, _ store: StoreView) -> String? {
        store.field("gateway", gateway, of: "mark")
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard let watch else { return }
        self.watch = nil
        let store = ledger.store
        switch watch {
        case .claimed(let worker):
            if store.field("worker", worker, of: "state") == "quarantined" {
                ledger.found("L8", "the word of \(call.caller) alone took \(worker) from the fleet")
            }
        case .refuted(let claimant):
            if call.status == "ok", mark(of: claimant, store) == "" {
                ledger.found("L8", "the claim of \(claimant) was refuted, and it is not suspended")
            }
        case .gone(let gateway):
            guard mark(of: gateway, store) == "gone", !absent.contains(gateway), !hasLostData,
                now - lastBreak > ClaimChecker.breaking, let calm = ledger.calmSince,
                now - calm > ClaimChecker.recovery
            else { return }
            ledger.found("L8", "\(gateway) is suspended as gone, and it is not")
        }
    }
}
