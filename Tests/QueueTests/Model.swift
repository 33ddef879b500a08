import QueueCore

/// The queue by definition: arrays and linear scans, no index. Follows the scripts where they are free to choose.
struct Model {
    struct Slot {
        var state: String
        var token: Token
        var lease: String?
        let pool: Pool
    }
    struct Worker {
        var slots: [Slot]
        /// Milliseconds since 1970.
        let startedAt: Int
        var state = "probing"
        var claimant = ""
        var trial: String?
        var isDraining = false
        var isGrantable: Bool { !isDraining && (state == "ok" || (state == "trial" && trial == nil)) }
        var leases: Int { slots.count { $0.lease != nil } }
    }
    struct Gateway {
        var mark = ""
        var claiming = ""
        var isListening = false
    }
    struct Waiter {
        let tenant: String
        let selector: Selector
        let gateway: String
        let score: Int
        let run: String
        var state: String
        var lease: String?
    }
    struct Lease {
        let waiter: String
        let worker: String
        let slot: Int
        let token: Token
        let grantedAt: Int
        /// When it was accepted; nil before.
        var since: Int?
        var isAccepted: Bool { since != nil }
    }

    var workers: [String: Worker] = [:]
    var gateways: [String: Gateway] = [:]
    var waiters: [String: Waiter] = [:]
    var leases: [String: Lease] = [:]
    var caps: [String: Int] = [:]
    var defaultCap = 1_000_000
    var weights: [String: Int] = [:]
    var guarantees: [String: Int] = [:]
    var policy = Policy.fifo
    var pausedLabels: Set<String> = []
    var complaints: [String] = []

    func cap(_ tenant: String) -> Int { caps[tenant] ?? defaultCap }
    func isMarked(_ gateway: String) -> Bool { gateways[gateway].map { $0.mark != "" } ?? true }

    private var heldByTenant: [String: Int] {
        leases.values.reduce(into: [:]) { $0[waiters[$1.waiter]!.tenant, default: 0] += 1 }
    }

    /// The number that decides who goes first (ADR 9).
    func effective(_ waiter: Waiter, held: Int) -> Int {
        let ageing = policy == .fair ? held * 60_000_000 / weights[waiter.tenant, default: 1] : 0
        return waiter.score + ageing - (held < guarantees[waiter.tenant, default: 0] ? 1_000_000_000_000_000 : 0)
    }

    /// Who may be granted a slot now, smallest effective score first.
    var eligible: [(id: String, waiter: Waiter, order: Int)] {
        let held = heldByTenant
        return waiters.filter {
            $0.value.state == "queued" && !isMarked($0.value.gateway)
                && held[$0.value.tenant, default: 0] < cap($0.value.tenant)
        }.map { ($0.key, $0.value, effective($0.value, held: held[$0.value.tenant, default: 0])) }
            .sorted { ($0.2, $0.0) < ($1.2, $1.0) }
    }

    var freePools: Set<Pool> {
        Set(workers.values.filter(\.isGrantable).flatMap { $0.slots.filter { $0.state == "free" }.map(\.pool) })
            .filter { !pausedLabels.contains($0.label.text) }
    }

    // MARK: - What verbs do before dispatch

    mutating func endLease(_ id: String, to state: String) {
        guard let lease = leases.removeValue(forKey: id) else { return }
        guard var worker = workers[lease.worker] else { return }
        if worker.slots[lease.slot].lease == id {
            worker.slots[lease.slot].lease = nil
            worker.slots[lease.slot].state = state == "free" && worker.isDraining ? "draining" : state
        }
        if worker.trial == id { worker.trial = nil }
        workers[lease.worker] = worker
    }

    mutating func requeue(_ waiter: String) {
        guard let row = waiters[waiter] else { return }
        if gateways[row.gateway] == nil {
            waiters[waiter] = nil
        } else {
            waiters[waiter]!.state = "queued"
            waiters[waiter]!.lease = nil
        }
    }

    mutating func mark(_ gateway: String, _ why: String) {
        guard let row = gateways[gateway] else { return }
        if row.mark == "claim" && why != "claim" { return }
        gateways[gateway]!.mark = why
    }

    mutating func unmark(_ gateway: String) {
        gateways[gateway]!.mark = ""
        for (id, waiter) in waiters where waiter.gateway == gateway && waiter.state == "aside" {
            waiters[id]!.state = "queued"
        }
    }

    mutating func endGateway(_ gateway: String) {
        gateways[gateway] = nil
        for (id, waiter) in waiters where waiter.gateway == gateway {
            if waiter.state == "granted" { endLease(waiter.lease!, to: "recycling") }
            if waiter.state != "accepted" { waiters[id] = nil }
        }
    }

    mutating func endWorker(_ worker: String) {
        for (id, lease) in leases where lease.worker == worker {
            endLease(id, to: "recycling")
            if lease.isAccepted { waiters[lease.waiter] = nil } else { requeue(lease.waiter) }
        }
        workers[worker] = nil
    }

    mutating func accept(_ id: String, since: Int) {
        guard let lease = leases[id] else { return }
        leases[id]!.since = since
        waiters[lease.waiter]!.state = "accepted"
        if workers[lease.worker]!.state == "trial" {
            workers[lease.worker]!.state = "ok"
            workers[lease.worker]!.trial = nil
        }
    }

    mutating func claim(_ gateway: String, unreachable id: String) {
        guard let worker = workers[id] else { return }
        let doubted = worker.state == "suspect" && worker.claimant != gateway
        guard worker.state == "ok" || worker.state == "trial" || doubted, gateways[gateway]!.mark != "claim" else {
            return
        }
        let another = gateways.contains { $0.key != gateway && $0.value.mark == "" }
        if another && worker.state == "ok" {
            if let before = workers[gateways[gateway]!.claiming], before.state == "suspect", before.claimant == gateway
            {
                return mark(gateway, "claim")
            }
            gateways[gateway]!.claiming = id
            workers[id]!.state = "suspect"
            workers[id]!.claimant = gateway
        } else {
            workers[id]!.state = "quarantined"
            workers[id]!.claimant = ""
            workers[id]!.trial = nil
        }
    }

    mutating func probed(_ gateway: String, _ id: String, _ passed: Bool) {
        if passed && gateways[gateway]!.mark == "claim" { unmark(gateway) }
        guard let worker = workers[id] else { return }
        switch (worker.state, passed) {
        case ("probing", true): workers[id]!.state = "ok"
        case ("suspect", false):
            workers[id]!.state = "quarantined"
            workers[id]!.claimant = ""
        case ("suspect", true):
            if worker.claimant != gateway { mark(worker.claimant, "claim") }
            workers[id]!.state = worker.claimant == gateway ? "trial" : "ok"
            workers[id]!.claimant = ""
            workers[id]!.trial = nil
        case ("quarantined", true):
            workers[id]!.state = "trial"
            workers[id]!.trial = nil
        default: break
        }
    }

    func anybodyFits(_ selector: Selector, for gateway: String) -> Bool {
        workers.values.contains { worker in
            worker.slots.contains { selector.rank(of: $0.pool) != nil } && !worker.isDraining
                && worker.state != "quarantined" && !(worker.state == "suspect" && worker.claimant == gateway)
        }
    }

    // MARK: - Dispatch

    /// Follows the grants the scripts made, oldest token first, each of which must be one the rules demand.
    /// - Parameters:
    ///   - ownWaiter, ownMail: whose grant the reply itself carries, so that nobody need hear of it.
    ///   - strict: false while the index is being rebuilt for new default limits.
    mutating func follow(_ look: Look, now: Int, ownWaiter: String?, ownMail: String?, strict: Bool) {
        let fresh = look.slots.flatMap { worker, slots in
            slots.enumerated().compactMap { index, slot in
                slot.state == "leased" && leases[slot.lease] == nil ? (worker: worker, index: index, slot: slot) : nil
            }
        }.sorted { $0.slot.number < $1.slot.number }
        for grant in fresh {
            let id = String(grant.slot.lease.prefix(32))
            let queue = eligible
            let pools = freePools
            guard let (_, waiter, order) = queue.first(where: { $0.id == id }) else {
                complaints.append("S3/S5: \(id) was granted and is not eligible")
                continue
            }
            guard let worker = workers[grant.worker], worker.isGrantable, worker.slots[grant.index].state == "free"
            else {
                complaints.append("S1: \(grant.worker)/\(grant.index) was granted and is not free")
                continue
            }
            let pool = worker.slots[grant.index].pool
            let first = queue.first { candidate in pools.contains { candidate.waiter.selector.rank(of: $0) != nil } }
            if pausedLabels.contains(grant.slot.pool.split(separator: "|")[0].description) {
                complaints.append("\(id) was granted a paused pool")
            }
            if strict, let first, first.order < order {
                complaints.append("S7: \(id) was granted before \(first.id)")
            }
            guard let rank = waiter.selector.rank(of: pool) else {
                complaints.append("\(id) does not fit \(pool)")
                continue
            }
            if pools.contains(where: { (waiter.selector.rank(of: $0) ?? .max) < rank }) {
                complaints.append("\(id) fits another free pool better than \(pool)")
            }
            let load = Double(worker.leases) / Double(worker.slots.count)
            let lesser = workers.values.contains { other in
                other.isGrantable && other.slots.contains { $0.state == "free" && $0.pool == pool }
                    && Double(other.leases) / Double(other.slots.count) < load - 1e-5
            }
            if lesser { complaints.append("\(grant.worker) is not the least loaded") }
            let token = Token(epoch: Int64(grant.slot.epoch), number: Int64(grant.slot.number))
            if token <= worker.slots[grant.index].token { complaints.append("S8: \(token) is not newer") }
            workers[grant.worker]!.slots[grant.index] = Slot(
                state: "leased", token: token, lease: grant.slot.lease, pool: pool)
            if worker.state == "trial" { workers[grant.worker]!.trial = grant.slot.lease }
            leases[grant.slot.lease] = Lease(
                waiter: id, worker: grant.worker, slot: grant.index, token: token, grantedAt: now)
            waiters[id]!.state = "granted"
            waiters[id]!.lease = grant.slot.lease
            if id != ownWaiter, waiter.gateway != ownMail, !gateways[waiter.gateway]!.isListening {
                mark(waiter.gateway, "silent")
            }
        }
        // Whose head is set aside when is the scripts' affair; only those of suspended gateways may be.
        for (id, waiter) in waiters where waiter.state == "queued" || waiter.state == "aside" {
            guard let seen = look.waiters[id], seen.state == "aside" || seen.state == "queued" else { continue }
            if seen.state == "aside", !isMarked(waiter.gateway) {
                complaints.append("\(id) is aside, its gateway is not")
            }
            waiters[id]!.state = seen.state
        }
        guard strict else { return }
        let pools = freePools
        for (id, waiter, _) in eligible {
            if pools.contains(where: { waiter.selector.rank(of: $0) != nil }) {
                complaints.append("L1: \(id) waits while a fitting slot is free")
            }
        }
    }

    /// What differs between the scripts' state and this one.
    func differences(_ look: Look) -> [String] {
        var found: [String] = []
        func same<Value: Equatable>(_ a: Value, _ b: Value, _ what: @autoclosure () -> String) {
            if a != b { found.append("\(what()): redis \(a), model \(b)") }
        }
        same(look.waiters.keys.sorted(), waiters.keys.sorted(), "waiters")
        for (id, waiter) in waiters {
            guard let seen = look.waiters[id] else { continue }
            same(seen.state, waiter.state, "state of \(id)")
            same(seen.lease, waiter.lease ?? "", "lease of \(id)")
            same(seen.score, waiter.score, "score of \(id)")
        }
        let line = waiters.filter { $0.value.state == "queued" }.sorted {
            ($0.value.score, $0.key) < ($1.value.score, $1.key)
        }
        same(look.line, line.map(\.key), "line")
        same(look.slots.keys.sorted(), workers.keys.sorted(), "workers")
        for (id, worker) in workers {
            for (index, slot) in worker.slots.enumerated() {
                guard let seen = look.slots[id]?[index] else { continue }
                same(seen.state, slot.state, "state of \(id)/\(index)")
                same(seen.lease, slot.lease ?? "-", "lease of \(id)/\(index)")
                same(seen.number, Int(slot.token.number), "token of \(id)/\(index)")
            }
            same(look.workerStates[id] ?? "", worker.state, "state of \(id)")
            same(look.workerStarts[id], worker.startedAt, "start of \(id)")
        }
        var holders: [String: Set<String>] = [:]
        for (id, lease) in leases { holders[waiters[lease.waiter]!.tenant, default: []].insert(id) }
        same(look.held, holders, "held")
        same(look.sessionBegins, leases.compactMapValues(\.since), "begins")
        same(look.marks, gateways.filter { $0.value.mark != "" }.mapValues(\.mark), "marks")
        return found
    }
}
