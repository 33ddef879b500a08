import QueueCore

/// L2: a granted waiter's gateway knows within a second, with all hints lost. Judged while nothing is wrong with Redis.
final class GrantNewsChecker: Checker {
    /// A poll's second, and the messages of one call.
    private static let bound: Int64 = 1_250_000
    /// After trouble a gateway first comes back: reconnect, register.
    private static let recovery: Int64 = 4_000_000

    private struct News {
        let gateway: String
        let at: Int64
    }

    private var number = ""
    private var waiting: [String: News] = [:]
    private var known: Set<String> = []
    private var heard: Set<String> = []
    private var gone: Set<String> = []

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .gatewayHeard(_, let lease):
            heard.insert(lease.description)
            guard let news = waiting.removeValue(forKey: lease.description) else { return }
            judge(lease.description, news, now, ledger)
        case .processGone(let process): gone.insert(process.text)
        case .storeLostData:
            waiting = [:]
            number = ""
        default: break
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.wrote else { return }
        let store = ledger.store
        let seq = store.field("state", of: "seq") ?? ""
        if seq != number {
            number = seq
            for (id, _) in store.deadlines where !known.contains(id) {
                known.insert(id)
                let gateway = store.field("lease", id, of: "gateway") ?? ""
                if !heard.contains(id) { waiting[id] = News(gateway: gateway, at: now) }
            }
        }
        for (id, news) in waiting.sorted(by: { $0.key < $1.key }) where now - news.at > GrantNewsChecker.bound {
            waiting[id] = nil
            // Ended meanwhile, or its gateway was: nobody is owed the news any more.
            guard store.field("lease", id, of: "state") == "granted",
                store.field("gateway", news.gateway, of: "mark") != nil
            else { continue }
            judge(id, news, now, ledger)
        }
    }

    private func judge(_ lease: String, _ news: News, _ now: Int64, _ ledger: Ledger) {
        guard now - news.at > GrantNewsChecker.bound, !gone.contains(news.gateway) else { return }
        guard let calm = ledger.calmSince, news.at - calm > GrantNewsChecker.recovery else { return }
        ledger.found("L2", "\(news.gateway) has not heard of \(lease) for \((now - news.at) / 1_000) ms")
    }
}

/// L3 and L4: what a dead process leaves behind is gone within its TTL and a sweep. Judged while nothing is wrong with
/// Redis and somebody is there to sweep.
final class DeadProcessChecker: Checker {
    private static let timeToLive: Int64 = 10_000_000
    /// A sweep, and the messages.
    private static let sweep: Int64 = 1_500_000
    /// The same where no gateway lives: workers sweep when they renew.
    private static let workersSweep: Int64 = 2_500_000
    /// On the return of Redis: reconnect, register, and the grace that follows.
    private static let recovery: Int64 = 13_000_000

    private var gone: [String: Int64] = [:]
    private var isWorker: Set<String> = []
    private var gateways: Set<String> = []
    /// Since when there is a gateway.
    private var attended: Int64 = 0
    /// Nothing ended by time until then.
    private var barred: Int64 = 0
    private var grace = GraceWatch()

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        grace.note(happening)
        switch happening {
        case .processBegan(let process, let isWorker):
            if isWorker { return _ = self.isWorker.insert(process.text) }
            if gateways.isEmpty { attended = now }
            gateways.insert(process.text)
        case .processGone(let process):
            gone[process.text] = now
            gateways.remove(process.text)
        default: break
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        let store = ledger.store
        grace.ran(call, at: store.redis.now)
        // What a vanished machine had under way is read late: Redis heard from it then.
        if call.wrote, gone[call.caller] != nil { gone[call.caller] = now }
        // Each sweep is a chance to see it; one that is late shows at the next.
        guard call.script == "sweep", call.status == "ok" else { return }
        let holdsOff = store.field("state", of: "holdOff").map { $0 != "0" } ?? false
        if holdsOff || store.redis.now < grace.perhapsUntil { barred = now }
        for (id, at) in gone.sorted(by: { $0.key < $1.key }) {
            if !exists(id, store) {
                gone[id] = nil
                continue
            }
            guard let calm = ledger.calmSince else { continue }
            let ends = max(
                at + DeadProcessChecker.timeToLive, calm + DeadProcessChecker.recovery, barred)
            let isAttended = !gateways.isEmpty && attended <= ends
            if now - ends > (isAttended ? DeadProcessChecker.sweep : DeadProcessChecker.workersSweep) {
                gone[id] = nil
                ledger.found("L3", "\(id) is gone for \((now - at) / 1_000) ms and Redis still has it")
            }
        }
    }

    private func exists(_ id: String, _ store: StoreView) -> Bool {
        store.redis.type(store.key(isWorker.contains(id) ? "worker" : "gateway", id)) != nil
    }
}

/// L4: a client that left, or was told to, is out of Redis at once. Judged while nothing is wrong with Redis.
final class LeavingChecker: Checker {
    /// One call, sent again once at most.
    private static let bound: Int64 = 1_300_000
    private static let recovery: Int64 = 4_000_000

    private var names: [Int: WaiterID] = [:]
    private var gateways: [Int: ProcessID] = [:]
    private var gone: Set<ProcessID> = []
    private var left: [(waiter: WaiterID, gateway: ProcessID, at: Int64)] = []

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .queuedAs(let client, let waiter): names[client] = waiter
        case .waitBegan(let client, let gateway, _, _): gateways[client] = gateway
        case .waitEnded(let client, .refused):
            if let waiter = names[client], let gateway = gateways[client] { left.append((waiter, gateway, now)) }
        case .processGone(let process): gone.insert(process)
        // What told Redis may be lost with it; the gateway's roll tells it again.
        case .storeLostData: left = []
        default: break
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        while let first = left.first, now - first.at > LeavingChecker.bound {
            left.removeFirst()
            let store = ledger.store
            guard !gone.contains(first.gateway), let calm = ledger.calmSince,
                first.at - calm > LeavingChecker.recovery,
                let state = store.field("waiter", first.waiter.text, of: "state"), state != "ended"
            else { continue }
            ledger.found("L4", "\(first.waiter) has left \((now - first.at) / 1_000) ms ago and is \(state)")
        }
    }
}

/// S4: a slot is never offered before its worker said that it is fit. While no data was lost and nothing is wrong with
/// Redis, a worker has no cause to refuse a grant as `occupied`, unless it ends its lifetime while one is under way, or the
/// slot's sidecar ended as long ago as one may be.
final class OccupiedChecker: Checker {
    private static let recovery: Int64 = 15_000_000
    /// A grant waits 5 s for its accept; and the messages.
    private static let underWay: Int64 = 6_000_000
    private var draining: Set<String> = []
    private var crashed: [String: Int64] = [:]
    private var hasLostData = false

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .storeLostData: hasLostData = true
        case .sidecarCrashed(let worker, let slot): crashed["\(worker.text) \(slot)"] = now
        default: break
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        if let worker = call.draining { draining.insert(worker) }
        guard call.script == "reject", call.arguments.count > 9, call.arguments[5] == "worker",
            call.arguments[7] == "occupied", !hasLostData, !draining.contains(call.caller)
        else { return }
        guard let calm = ledger.calmSince, now - calm > OccupiedChecker.recovery else { return }
        if let at = crashed["\(call.caller) \(call.arguments[9])"], now - at < OccupiedChecker.underWay { return }
        ledger.found("S4", "\(call.caller) was offered \(call.arguments[6]) for a slot that is not free")
    }
}

/// L6: after the last fault healed all is as if none had been.
final class RecoveryChecker: Checker {
    private var tables: [String: (rows: [SlotRow], isDraining: Bool)] = [:]
    private var waiting: [String: Set<String>] = [:]
    private var suspects: Set<String> = []
    /// Sidecars crash at rest too. The worker's word of it is under way, then the sidecar starts again. A worker that ended
    /// after its last session begins anew, registers, and starts its sidecars.
    private static let underWay: Int64 = 1_000_000
    /// The time at which a slot's sidecar crashed, or a worker began.
    private var unsettled: [String: Int64] = [:]

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .sidecarCrashed(let worker, let slot): unsettled["\(worker.text)/\(slot)"] = now
        case .processBegan(let process, isWorker: true): unsettled[process.text] = now
        case .table(let worker, let rows, let isDraining): tables[worker.text] = (rows, isDraining)
        case .holds(let gateway, let ids): waiting[gateway.text] = Set(ids.map(\.text))
        default: break
        }
    }

    func look(_ stage: Stage, at now: Int64, into ledger: Ledger) {
        defer { (tables, waiting) = ([:], [:]) }
        unsettled = unsettled.filter { now - $0.value < RecoveryChecker.underWay }
        switch stage {
        case .recovered:
            suspects = Set(differences(ledger))
        case .confirmed:
            for words in differences(ledger).sorted() where suspects.contains(words) { ledger.found("L6", words) }
        case .atRest:
            for words in differences(ledger) + remains(ledger) { ledger.found("L6", words) }
        }
    }

    /// Where Redis and the processes disagree.
    private func differences(_ ledger: Ledger) -> [String] {
        let picture = ledger.store.picture
        var words: [String] = []
        if picture.holdOff { words.append("the hold-off goes on") }
        if !picture.todo.isEmpty { words.append("todo holds \(picture.todo)") }
        for worker in picture.workers {
            guard let table = tables[worker.id]?.rows else {
                words.append("\(worker.id) is in Redis and does not live")
                continue
            }
            words += differences(worker, table, picture)
            // One slot of a worker on trial is in use as soon as somebody wants it, and the rest with it.
            if !worker.isDraining, !["ok", "trial"].contains(worker.state), unsettled[worker.id] == nil {
                words.append("\(worker.id) is \(worker.state)")
            }
        }
        let here = Set(picture.workers.map(\.id))
        for id in tables.keys.sorted() where !here.contains(id) && unsettled[id] == nil {
            words.append("\(id) lives and is not in Redis")
        }
        for (id, mark) in picture.gateways.sorted(by: { $0.key < $1.key }) {
            // Where there is no worker a gateway has nobody to prove itself to.
            let isStuck = mark == "claim" && picture.workers.isEmpty
            if !mark.isEmpty, !isStuck { words.append("\(id) is suspended: \(mark)") }
            if waiting[id] == nil { words.append("\(id) is in Redis and does not live") }
        }
        for (id, ids) in waiting.sorted(by: { $0.key < $1.key }) {
            if picture.gateways[id] == nil { words.append("\(id) lives and is not in Redis") }
            for waiter in ids.sorted() where picture.waiters[waiter] == nil {
                words.append("\(id) holds \(waiter), which Redis does not have")
            }
        }
        for waiter in picture.waiters.values.sorted(by: { $0.id < $1.id }) {
            guard !["accepted", "reserved", "ended"].contains(waiter.state) else { continue }
            if waiting[waiter.gateway]?.contains(waiter.id) != true {
                words.append("Redis has \(waiter.id) \(waiter.state), \(waiter.gateway) does not hold it")
            }
        }
        return words
    }

    private func differences(
        _ worker: StoreView.WorkerLine, _ table: [SlotRow], _ picture: StoreView.Picture
    ) -> [String] {
        worker.slots.compactMap { slot in
            guard let row = table.first(where: { String($0.slot) == slot.slot }) else { return nil }
            let same: Bool
            switch slot.state {
            case "leased":
                // A grant that is under way, or was borrowed, is nothing to its worker before its client comes.
                let isToCome = ["granted", "reserved", "attaching"].contains(picture.leases[slot.lease]?.state)
                same = row.lease?.description == slot.lease || (isToCome && row.lease == nil)
            case "draining": same = row.state == .recycling || row.state == .free
            // It recycles from a token that its worker never saw; neither word gives it to anybody.
            case "recycling" where slot.token > row.token: same = row.state == .recycling || row.state == .out
            default: same = slot.state == row.state.rawValue || (row.lease == nil && isStarting(slot))
            }
            return same ? nil : "\(worker.id)/\(slot.slot) is \(slot.state) in Redis and \(row.state) at its worker"
        }
    }

    /// Without a lease, and its sidecar crashed or its worker began a moment ago.
    private func isStarting(_ slot: StoreView.SlotLine) -> Bool {
        slot.state != "leased" && (unsettled["\(slot.worker)/\(slot.slot)"] ?? unsettled[slot.worker]) != nil
    }

    /// What is left when nobody wants anything any more.
    private func remains(_ ledger: Ledger) -> [String] {
        let picture = ledger.store.picture
        var words = picture.waiters.keys.sorted().map { "waiter \($0) is left" }
        words += picture.leases.keys.sorted().map { "lease \($0) is left" }
        for worker in picture.workers where !worker.isDraining {
            for slot in worker.slots where slot.state != "free" && !isStarting(slot) {
                words.append("\(slot.worker)/\(slot.slot) is \(slot.state)")
            }
        }
        return words
    }
}
