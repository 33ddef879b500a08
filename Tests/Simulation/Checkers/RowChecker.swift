import QueueCore

/// S3 and S9: what a worker's rows may change. An older row ends no younger lease, a lease that ended by verdict is not
/// taken up again, and one that is declared again above its tenant's cap is marked, or refused where caps are strict.
final class RowChecker: Checker {
    private struct Row {
        let slot: String
        let lease: String
        let token: Token

        /// `slot state epoch number lease …`
        init?(_ text: String) {
            let words = text.split(separator: " ").map(String.init)
            guard words.count >= 6, let epoch = Int64(words[2]), let number = Int64(words[3]) else { return nil }
            slot = words[0]
            lease = words[1] == "leased" || words[1] == "kept" ? words[4] : ""
            token = Token(epoch: epoch, number: number)
        }
    }

    private var rows: [Row] = []
    private var before = StoreView.Picture()
    /// Slots that recycle after a verdict.
    private var judged: Set<String> = []

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        rows = []
        guard script == "renew" || script == "register" && arguments[5] == "worker" else { return }
        let first = script == "renew" ? 9 : 12 + (Int(arguments[7]) ?? 0)
        rows = arguments.dropFirst(first).compactMap(Row.init)
        guard !rows.isEmpty else { return }
        let store = ledger.store
        before = store.picture
        judged = Set(
            before.workers.first { $0.id == arguments[0] }?.slots.filter { $0.how == "verdict" }.map(\.slot) ?? [])
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard !rows.isEmpty, call.status == "ok" else { return }
        let slots = before.workers.first { $0.id == call.caller }?.slots ?? []
        let after = ledger.store.picture
        var adopted: [StoreView.LeaseLine] = []
        for row in rows {
            // None where the worker comes back after Redis ended it.
            let slot = slots.first { $0.slot == row.slot }
            if row.lease.isEmpty {
                if let slot, before.leases[slot.lease] != nil, row.token < slot.token, after.leases[slot.lease] == nil {
                    ledger.found("S9", "a row of \(row.token) ended \(slot.lease), which has \(slot.token)")
                }
            } else if let lease = after.leases[row.lease], before.leases[row.lease] == nil {
                adopted.append(lease)
                if let slot, slot.state == "recycling", judged.contains(row.slot), row.token == slot.token {
                    ledger.found("S9", "\(row.lease) ended by verdict, and is accepted again")
                }
            }
        }
        for tenant in Set(adopted.map(\.tenant)).sorted() { caps(of: tenant, adopted, after, call, ledger) }
    }

    private func caps(
        of tenant: String, _ adopted: [StoreView.LeaseLine], _ after: StoreView.Picture, _ call: StoreCall,
        _ ledger: Ledger
    ) {
        let store = ledger.store
        let own = adopted.filter { $0.tenant == tenant }
        let stayed = (before.held[tenant] ?? []).count { after.leases[$0] != nil }
        let within = own.count { !$0.isOver }
        if within > 0, stayed + within > store.cap(of: tenant) {
            ledger.found("S3", "\(tenant) holds \(stayed + within) by what is declared again, and nothing is marked")
        }
        let isStrict = store.field("worker", call.caller, "more", of: "caps") == "strict"
        if isStrict, !before.holdOff, !after.holdOff, let over = own.first(where: \.isOver) {
            ledger.found("S3", "\(call.caller) is strict, and keeps \(over.id) above the cap of \(tenant)")
        }
    }
}

/// L4 and L8: who fails is no longer granted to. A worker that a gateway could not reach is out of dispatch, and a gateway
/// that lets a grant run into its deadline is suspended.
final class BlameChecker: Checker {
    private var unreached: String?
    private var overdue: [(lease: String, gateway: String, worker: String)] = []

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        (unreached, overdue) = (nil, [])
        let store = ledger.store
        if script == "reject", arguments.count > 7, arguments[5] == "gateway", arguments[7] == "unreachable" {
            let lease = arguments[6]
            guard store.field("lease", lease, of: "gateway") == arguments[0],
                store.field("lease", lease, of: "back") == nil, let worker = store.field("lease", lease, of: "worker"),
                ["ok", "trial"].contains(store.field("worker", worker, of: "state"))
            else { return }
            unreached = worker
        } else if script == "sweep" {
            let clock = Double(store.redis.now / 1_000)
            for (id, deadline) in store.deadlines where deadline <= clock {
                guard let lease = store.picture.leases[id], lease.state == "granted" else { continue }
                overdue.append((id, lease.gateway, lease.worker))
            }
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        let store = ledger.store
        if let unreached, call.wrote, !["old", "unknown", "bad"].contains(call.status),
            mark(of: call.caller, store) != "claim",
            ["ok", "trial"].contains(store.field("worker", unreached, of: "state"))
        {
            ledger.found("L8", "\(call.caller) could not reach \(unreached), which goes on being granted")
        }
        for late in overdue where call.status == "ok" {
            guard store.field("lease", late.lease, of: "state") != "granted",
                mark(of: late.gateway, store) == "",
                store.field("worker", late.worker, of: "address") != nil
            else { continue }
            ledger.found("L4", "\(late.gateway) let \(late.lease) run into its deadline and is not suspended")
        }
    }

    private func mark(of gateway: String, _ store: StoreView) -> String? {
        store.field("gateway", gateway, of: "mark")
    }
}
