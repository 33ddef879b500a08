/// S12: who is suspended is passed over, and who is not any more stands in line again.
final class SuspensionChecker: Checker {
    private var before: [String: String] = [:]
    private var pending: Set<String> = []
    private var number = ""

    private func marks(_ store: StoreView) -> [String: String] {
        var marks: [String: String] = [:]
        for (gateway, _) in store.redis.ranked(store.key("gateways")) {
            marks[gateway] = store.field("gateway", gateway, of: "mark")
        }
        return marks
    }

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        let store = ledger.store
        before = marks(store)
        number = store.field("state", of: "seq") ?? ""
        pending =
            before.values.contains { !$0.isEmpty } ? Set(store.deadlines.map(\.member)) : []
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.wrote else { return }
        let store = ledger.store
        let after = marks(store)
        if before.values.contains(where: { !$0.isEmpty }), store.field("state", of: "seq") != number {
            for (id, _) in store.deadlines where !pending.contains(id) {
                guard let gateway = store.field("lease", id, of: "gateway"),
                    store.field("lease", id, of: "state") == "granted",
                    let mark = before[gateway], !mark.isEmpty, after[gateway] == mark
                else { continue }
                ledger.found("S12", "\(id) was granted to \(gateway), which is suspended: \(mark)")
            }
        }
        for (gateway, mark) in after.sorted(by: { $0.key < $1.key }) where mark.isEmpty {
            guard !store.redis.ranked(store.key("gateway", gateway, "aside")).isEmpty,
                !store.redis.members(store.key("todo")).contains("back:\(gateway)")
            else { continue }
            ledger.found("S12", "\(gateway) is not suspended, and waiters of it are set aside")
        }
    }
}
