/// S13: a batch of usage is added whole, and once, however often it is sent.
final class UsageChecker: Checker {
    /// The highest number of a batch that Redis added, by process.
    private var added: [String: Int] = [:]
    private var hasLostData = false
    private var batch: (number: Int, use: [Int])?
    private var before: [Int] = []

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        if case .storeLostData = happening { hasLostData = true }
    }

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        batch = nil
        // Header (5), three of the script's own, the batch.
        guard ["renew", "roll"].contains(script), arguments.count > 8, !arguments[8].isEmpty else { return }
        let words = arguments[8].split(separator: " ", maxSplits: 1)
        guard words.count == 2, let number = Int(words[0]) else { return }
        let rows = words[1].split(separator: ",").map { numbers($0.split(separator: " ").dropFirst()) }
        batch = (number, sum(rows))
        before = total(ledger.store)
        if hasLostData {
            hasLostData = false
            // A batch that Redis lost may be sent again.
            for caller in added.keys { added[caller] = min(added[caller]!, recorded(caller, ledger.store)) }
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard let batch, call.status != "error" else { return }
        let after = total(ledger.store)
        let isNew = call.status == "ok" && batch.number > added[call.caller, default: 0]
        if isNew { added[call.caller] = batch.number }
        let expected = isNew ? sum([before, batch.use]) : before
        if after != expected {
            ledger.found(
                "S13", "batch \(batch.number) of \(call.caller): usage is \(after) in place of \(expected)")
        }
    }

    private func recorded(_ caller: String, _ store: StoreView) -> Int {
        let found = [store.more(of: caller, "usage")].compactMap { $0 }
        return found.first.flatMap { Int($0) } ?? 0
    }

    /// The sum for all tenants and days.
    private func total(_ store: StoreView) -> [Int] {
        let days = store.redis.ranked(store.key("usage")).map(\.member)
        return sum(
            days.flatMap { store.redis.hash(store.key("usage", $0)) }.map { numbers($0.value.split(separator: " ")) })
    }

    private func numbers(_ words: some Sequence<Substring>) -> [Int] { words.map { Int($0) ?? 0 } }

    private func sum(_ rows: [[Int]]) -> [Int] {
        rows.reduce(into: [0, 0, 0, 0]) { sum, row in
            for (index, number) in row.enumerated() where index < sum.count { sum[index] += number }
        }
    }
}
