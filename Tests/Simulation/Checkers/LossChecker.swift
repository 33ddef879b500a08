import QueueCore

/// L6: lost commits are seen by whoever was told of them, and hold dispatch off once; S7: tickets go on above those that
/// were given.
final class LossChecker: Checker {
    private struct Meta {
        let epoch: Int64
        let after: Int64
        let holdsOff: Bool
    }

    private var known: Meta?
    private var before: Meta?
    /// What stands in Redis does not follow that epoch, which it was at before it was emptied.
    private var emptiedAt: Int64?
    private var seesLoss = false
    private var comesLate = false
    private var ticket: Int64?

    private func meta(_ store: StoreView) -> Meta? {
        guard let epoch = number("epoch", store), epoch > 0 else { return nil }
        return Meta(epoch: epoch, after: number("after", store) ?? 0, holdsOff: (number("holdOff", store) ?? 0) > 0)
    }

    private func number(_ field: String, _ store: StoreView) -> Int64? {
        store.field("state", of: field).flatMap { Int64($0) }
    }

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        (seesLoss, comesLate, ticket) = (false, false, nil)
        let store = ledger.store
        before = meta(store)
        if before == nil, let known { emptiedAt = max(emptiedAt ?? 0, known.epoch) }
        guard arguments.count >= 5, !isOld(arguments, store), let epoch = Int64(arguments[2]), epoch > 0,
            let commit = Int64(arguments[3]), let highest = Int64(arguments[4])
        else { return }
        // A newborn that comes first, after a step of the clock, opens an epoch lower than the lost one.
        if let emptiedAt, epoch <= emptiedAt, epoch != before?.epoch { seesLoss = true }
        if let before {
            comesLate = epoch <= before.after
            let record = store.call(of: arguments[0], "commit")
            if epoch == before.epoch, let stored = record.flatMap({ Int64($0) }), stored < commit {
                seesLoss = true
            }
        }
        if script == "enqueue", arguments.count > 13, arguments[11].isEmpty, arguments[13].isEmpty,
            store.field("waiter", arguments[5], of: "tenant") == nil
        {
            ticket = highest
        }
    }

    private func isOld(_ arguments: [String], _ store: StoreView) -> Bool {
        let record = store.call(of: arguments[0], "connection")
        guard let recorded = record.flatMap({ Int64($0) }), let own = Int64(arguments[1]) else { return false }
        return own < recorded
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard let after = meta(ledger.store) else { return }
        known = after
        defer { if after.holdsOff { emptiedAt = nil } }
        guard call.status != "bad", call.status != "schema", call.status != "error" else { return }
        if seesLoss, !after.holdsOff {
            ledger.found("L6", "\(call.caller) knows more than Redis, and dispatch goes on")
        }
        if comesLate, let before, after.epoch != before.epoch {
            ledger.found("L6", "\(call.caller) comes late to the epoch and opens another")
        }
        if let ticket, ["queued", "granted"].contains(call.status), call.reply.count > 5,
            let given = Int64(call.reply[5]), given <= ticket
        {
            ledger.found("S7", "\(call.arguments[5]) got ticket \(given), and \(ticket) was given before")
        }
    }
}

/// L6: whom a living gateway holds in line, Redis has, whatever it lost: else it would wait in vain. Judged while nothing
/// is wrong with Redis.
final class LostWaiterChecker: Checker {
    /// Missing at two renews, and the calls about it.
    private static let bound: Int64 = 8_000_000
    /// After trouble a gateway first comes back: reconnect, register.
    private static let recovery: Int64 = 4_000_000

    private struct Wait {
        let gateway: ProcessID
        var waiter = ""
        var missingSince: Int64?
    }

    private var waits: [Int: Wait] = [:]

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .waitBegan(let client, let gateway, _, _): waits[client] = Wait(gateway: gateway)
        case .queuedAs(let client, let waiter): waits[client]?.waiter = waiter.text
        case .relayBegan(let client, _), .waitEnded(let client, _), .clientEnded(let client, _): waits[client] = nil
        case .processGone(let process), .processPaused(let process):
            waits = waits.filter { $0.value.gateway != process }
        default: break
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.script == "sweep" else { return }
        let waiters = ledger.store.picture.waiters
        for (client, wait) in waits.sorted(by: { $0.key < $1.key }) {
            guard waiters[wait.waiter] == nil else {
                waits[client]?.missingSince = nil
                continue
            }
            guard let since = wait.missingSince else {
                waits[client]?.missingSince = now
                continue
            }
            guard let calm = ledger.calmSince else { continue }
            let from = max(since, calm + LostWaiterChecker.recovery)
            if now - from > LostWaiterChecker.bound {
                waits[client] = nil
                ledger.found("L6", "client \(client) waits, and Redis has nobody of it: \((now - since) / 1_000) ms")
            }
        }
    }
}
