import QueueCore

/// S4: a slot whose worker was called is not given on before that worker said that it is fit again.
final class SlotTurnChecker: Checker {
    private var dialed: Set<String> = []
    /// `<worker> <slot> <epoch> <number>` of which a worker said that the slot is free.
    private var free: Set<String> = []
    private var watched: (worker: String, slot: String, lease: String)?

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .dialed(_, _, let lease): dialed.insert(lease.description)
        case .slotIsFree(let worker, let slot, let token):
            free.insert("\(worker) \(slot) \(token.epoch) \(token.number)")
        // The same names may be given once more.
        case .storeLostData: dialed = []
        default: break
        }
    }

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        watched = nil
        let store = ledger.store
        guard let lease = ended(by: script, arguments, store) else { return }
        guard let worker = store.field("lease", lease, of: "worker"),
            let slot = store.field("lease", lease, of: "slot")
        else { return }
        watched = (worker, slot, lease)
    }

    /// The lease that this call ends, where only its worker can say what becomes of the slot.
    private func ended(by script: String, _ arguments: [String], _ store: StoreView) -> String? {
        switch script {
        case "release" where arguments.count > 8:
            let isFit = arguments.count > 9 && arguments[9] == "1"
            return isFit && free.contains("\(arguments[0]) \(arguments[6...8].joined(separator: " "))")
                ? nil : arguments[5]
        case "cancel" where arguments.count > 5:
            let lease = store.field("waiter", arguments[5], of: "lease") ?? ""
            return dialed.contains(lease) ? lease : nil
        case "reject" where arguments.count > 8:
            let (kind, reason, flag) = (arguments[5], arguments[7], arguments[8])
            let isFit = kind == "gateway" ? reason == "local" : reason == "stale" && flag == "1"
            return isFit ? nil : arguments[6]
        default: return nil
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        // Its verdict is given; after a lost commit, known by its hint alone, the same name may be granted once more.
        if call.script == "reject", call.arguments.count > 6, call.arguments[5] == "gateway" {
            dialed.remove(call.arguments[6])
        }
        // An enqueue that was sent again after its client's session brings the name back.
        if call.script == "release", call.arguments.count > 5,
            ledger.store.field("lease", call.arguments[5], of: "worker") == nil
        {
            dialed.remove(call.arguments[5])
        }
        guard let (worker, slot, lease) = watched else { return }
        watched = nil
        let store = ledger.store
        if store.field("lease", lease, of: "worker") == nil { dialed.remove(lease) }
        guard let state = store.field("slot", "\(worker)/\(slot)", of: "state"),
            let now = store.field("slot", "\(worker)/\(slot)", of: "lease")
        else { return }
        if state == "free" || (!now.isEmpty && now != lease) {
            ledger.found("S4", "\(call.script) gives \(worker)/\(slot) on before its worker says that it is fit")
        }
    }
}
