import QueueCore

/// What gateways do, and what the model says of it.
extension Walk {
    func enqueue() {
        guard let gateway = pick(gateways), model.waiters.count < 60 else { return }
        let (id, tenant, text) = (fleet.newWaiter(), pick(Self.tenants)!, pick(Self.selectors)!)
        let selector = Selector(reading: text)
        let head = chance(20) ? Int.random(in: 1...9, using: &random) : 0
        let waits = chance(85)
        let run = pick(["", "", "r1", "r2"])!
        let outcome = fleet.enqueue(callers[gateway]!, id, tenant: tenant, text, head: head, run: run, wait: waits)
        note("enqueue \(id) \(tenant) \(text) by \(gateway): \(outcome.status) \(outcome.text(0))")
        let bound = tenant == "c" ? 5 : 0
        var trial = model
        trial.waiters[id] = Model.Waiter(
            tenant: tenant, selector: selector, gateway: gateway,
            score: outcome.ticket - min(head, bound) * 1_000_000, run: run, state: "queued", lease: nil)
        if outcome.status == "refused" {
            let served = model.workers.values.contains { $0.slots.contains { selector.rank(of: $0.pool) != nil } }
            let waiting = model.waiters.values.count { $0.tenant == tenant && $0.state == "queued" }
            switch outcome.text(0) {
            case "unknown_pool", "version_mismatch":
                if served { model.complaints.append("refused though served") }
            case "tenant_queue_full":
                if waiting < 12 { model.complaints.append("refused below queueMax") }
                fallthrough
            case "would_wait":
                let open = model.freePools.contains { selector.rank(of: $0) != nil }
                if open, trial.eligible.contains(where: { $0.id == id }) {
                    model.complaints.append("refused though free")
                }
            default: model.complaints.append("refused: \(outcome.text(0))")
            }
        } else {
            model = trial
        }
        settle(ownWaiter: id)
        if outcome.status == "granted", model.waiters[id]?.state != "granted" {
            model.complaints.append("told granted, is not")
        }
        if chance(5), outcome.status != "refused" {
            let again = fleet.enqueue(
                callers[gateway]!, id, tenant: tenant, text, head: head, run: run, wait: waits)
            if again.values != outcome.values || again.status != outcome.status {
                model.complaints.append("enqueue again: \(again) after \(outcome)")
            }
            settle()
        }
    }

    func cancel() {
        guard let id = pick(model.waiters.keys.sorted()), let waiter = model.waiters[id],
            model.gateways[waiter.gateway] != nil
        else { return }
        let dialed = waiter.state == "granted" && chance(50)
        let lease = waiter.lease ?? ""
        note("cancel \(id) \(waiter.state) dialed \(dialed)")
        for _ in 0..<(chance(10) ? 2 : 1) {
            fleet.cancel(callers[waiter.gateway]!, id, lease: dialed ? lease : "", dialed: dialed)
            if model.waiters[id] != nil {
                if waiter.lease != nil {
                    model.endLease(lease, to: dialed || waiter.state == "accepted" ? "recycling" : "free")
                }
                model.waiters[id] = nil
            }
            settle()
        }
    }

    func collect() {
        guard let gateway = pick(gateways) else { return }
        let over = model.waiters.filter { $0.value.gateway == gateway && $0.value.state == "ended" }.keys.sorted()
        let heard = chance(50) ? over : []
        let outcome = fleet.collect(callers[gateway]!, heard.map { "ended:\($0):request" })
        note("collect by \(gateway), which has heard of \(heard)")
        for id in heard { model.waiters[id] = nil }
        if !["", "claim"].contains(model.gateways[gateway]!.mark) { model.unmark(gateway) }
        settle(ownMail: gateway)
        let told = over.filter { !heard.contains($0) }.map { "\($0) request" }
        if outcome.ends.sorted() != told { model.complaints.append("ends: redis \(outcome.ends), model \(told)") }
        // No grant is acknowledged here, so that the mailbox is what is granted; the audit cannot know what was.
        let pending = model.leases.filter { !$0.value.isAccepted && model.waiters[$0.value.waiter]?.gateway == gateway }
        let mail = outcome.grants.map(\.lease.description).sorted()
        if mail != pending.keys.sorted() {
            model.complaints.append("mail of \(gateway): redis \(mail), model \(pending.keys.sorted())")
        }
    }

    func probed() {
        guard let gateway = pick(gateways), let worker = pick(workers) else { return }
        let passed = chance(75)
        fleet.probed(callers[gateway]!, callers[worker]!, passed)
        note("probed \(worker) by \(gateway): \(passed)")
        model.probed(gateway, worker, passed)
        settle()
    }

    func limits(_ tenant: String, _ cap: Int) {
        guard let caller = pick(gateways).map({ callers[$0]! }) else { return }
        let cap = tenant == "*" && chance(50) ? 1_000 : cap
        let (weight, guarantee) = tenant == "*" ? (1, 0) : (pick(1...3)!, min(cap, pick([0, 0, 1, 2])!))
        fleet.cap(
            caller, tenant, cap, queueMax: 12, priority: tenant == "c" ? 5 : 0, weight: weight, guarantee: guarantee)
        note("limits \(tenant) \(cap) weight \(weight) guarantee \(guarantee)")
        if tenant == "*" { model.defaultCap = cap } else { model.caps[tenant] = cap }
        (model.weights[tenant], model.guarantees[tenant]) = (weight, guarantee)
        settle(strict: tenant != "*")
        while !fleet.look().todo.isEmpty, model.complaints.isEmpty { sweep(strict: false) }
        settle()
    }

    func policy() {
        let policy = pick(Policy.allCases)!
        fleet.order("policy", policy.rawValue)
        note("policy \(policy)")
        model.policy = policy
        settle(strict: false)
        while !fleet.look().todo.isEmpty, model.complaints.isEmpty { sweep(strict: false) }
        settle()
    }

    func pausePool() {
        let label = pick(["a:b", "c:d", "f"])!
        let pauses = chance(30)
        fleet.order("pause:\(label)", pauses ? "1" : "-")
        note("\(pauses ? "pause" : "resume") \(label)")
        if pauses { model.pausedLabels.insert(label) } else { model.pausedLabels.remove(label) }
        settle()
    }

    /// Somebody else ends one who waits, a run's or all of a tenant who do; of those with a lease only edge tests know.
    func finish() {
        let waiting = model.waiters.filter { $0.value.state == "queued" || $0.value.state == "aside" }
        guard let id = pick(waiting.keys.sorted()), let one = waiting[id] else { return }
        let what = pick(["waiter", "run", "tenant"])!
        let subject = ["waiter": id, "run": one.run][what] ?? ""
        guard what != "run" || one.run != "" else { return }
        let those = model.waiters.filter { other, row in
            row.state != "ended"
                && (what == "waiter"
                    ? other == id : row.tenant == one.tenant && (what == "tenant" || row.run == one.run))
        }
        guard those.values.allSatisfy({ $0.lease == nil }) else { return }
        let outcome = fleet.finish(fleet.nobody, what, subject, tenant: one.tenant)
        note("finish \(what) \(subject) of \(one.tenant): \(outcome.status) \(outcome.text(0))")
        for id in those.keys { model.waiters[id]!.state = "ended" }
        settle()
    }

    func reject() {
        guard let id = pick(model.leases.keys.sorted()), let lease = model.leases[id],
            let waiter = model.waiters[lease.waiter]
        else { return }
        let grant = grant(id, lease)
        if chance(50), model.gateways[waiter.gateway] != nil {
            let reason = pick([RejectReason.unreachable, .local, .occupied, .failed])!
            let final = chance(20)
            let outcome = fleet.reject(callers[waiter.gateway]!, grant, reason, final: final)
            note("reject \(id) by \(waiter.gateway) \(reason) \(final): \(outcome.status)")
            model.endLease(id, to: reason == .local ? "free" : "recycling")
            if reason == .unreachable { model.claim(waiter.gateway, unreachable: lease.worker) }
            if final, !model.anybodyFits(waiter.selector, for: waiter.gateway) {
                model.waiters[lease.waiter] = nil
                if outcome.status != "nobody_else" { model.complaints.append("somebody else?") }
            } else {
                model.requeue(lease.waiter)
                if outcome.status != "requeued" { model.complaints.append("not requeued: \(outcome.status)") }
            }
        } else if let worker = callers[lease.worker] {
            let reason = pick([RejectReason.stale, .occupied, .gone, .failed])!
            let free = reason == .stale && chance(50)
            let last = Token(
                epoch: lease.token.epoch, number: lease.token.number + Int64.random(in: 0..<3, using: &random))
            fleet.reject(byWorker: worker, grant, reason, slotFree: free, last: last)
            note("reject \(id) by \(worker.id) \(reason)")
            model.endLease(id, to: free ? "free" : "recycling")
            if reason == .gone { model.mark(waiter.gateway, "gone") }
            model.requeue(lease.waiter)
        }
        settle()
    }
}
