import QueueCore

/// S1, S4, S5, S12 and L1: the structure of the fleet, judged whole after a commit.
final class StructureChecker: Checker {
    private let every: Int
    private var calls: Int

    /// - Parameter first: with another one other commits are looked at.
    init(every: Int, first: Int) {
        self.every = every
        calls = first
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.wrote else { return }
        calls += 1
        if calls % every == 0 { check(ledger) }
    }

    func look(_ stage: Stage, at now: Int64, into ledger: Ledger) { check(ledger) }

    private func check(_ ledger: Ledger) {
        let picture = ledger.store.picture
        slots(picture, ledger)
        waiters(picture, ledger)
        index(picture, ledger)
        pairs(picture, ledger)
    }

    private func slots(_ picture: StoreView.Picture, _ ledger: Ledger) {
        var occupied: [String: StoreView.SlotLine] = [:]
        for worker in picture.workers {
            for slot in worker.slots {
                if !["free", "leased", "recycling", "draining", "out"].contains(slot.state) {
                    ledger.found("S4", "\(worker.id)/\(slot.slot) is \(slot.state)")
                }
                guard slot.state == "leased" else { continue }
                if occupied.updateValue(slot, forKey: slot.lease) != nil {
                    ledger.found("S1", "\(slot.lease) has two slots")
                }
            }
            if worker.slots.count != worker.declared {
                ledger.found("S4", "\(worker.id) declared \(worker.declared) slots and has \(worker.slots.count)")
            }
        }
        for lease in picture.leases.values {
            guard let slot = occupied[lease.id] else {
                ledger.found("S1", "\(lease.id) has no slot")
                continue
            }
            if slot.worker != lease.worker || slot.slot != lease.slot || slot.token != lease.token {
                ledger.found(
                    "S1", "\(lease.id) names \(lease.worker)/\(lease.slot), its slot \(slot.worker)/\(slot.slot)")
            }
            if picture.held[lease.tenant]?.contains(lease.id) != true {
                ledger.found("S3", "\(lease.id) is not among what \(lease.tenant) holds")
            }
        }
        for slot in occupied.values where picture.leases[slot.lease] == nil {
            ledger.found("S1", "\(slot.worker)/\(slot.slot) is leased to \(slot.lease), which is not there")
        }
    }

    private func waiters(_ picture: StoreView.Picture, _ ledger: Ledger) {
        let line = picture.line
        let aside = Set(picture.gateways.keys.flatMap { picture.aside[$0] ?? [] })
        for waiter in picture.waiters.values {
            let lease = picture.leases[waiter.lease].flatMap { $0.waiter == waiter.id ? $0 : nil }
            let places = (line[waiter.id] != nil ? 1 : 0) + (aside.contains(waiter.id) ? 1 : 0) + (lease != nil ? 1 : 0)
            let isEnded = waiter.state == "ended"
            if places != (isEnded ? 0 : 1) {
                ledger.found("S5", "waiter \(waiter.id) is \(waiter.state) and in \(places) places")
            }
            if let score = line[waiter.id], Int64(score) != waiter.score {
                ledger.found("S7", "waiter \(waiter.id) stands at another score than its own")
            }
        }
        for id in line.keys where picture.waiters[id] == nil { ledger.found("S5", "\(id) is in line without a record") }
    }

    /// What the eligible index must hold, derived from the waiters themselves.
    private func index(_ picture: StoreView.Picture, _ ledger: Ledger) {
        guard !ledger.store.isBeingReindexed(picture) else { return }
        var heads: [String: [String: Int64]] = [:]
        for waiter in picture.waiters.values where waiter.state == "queued" {
            let first = heads[waiter.selector]?[waiter.tenant] ?? .max
            heads[waiter.selector, default: [:]][waiter.tenant] = min(first, waiter.score)
        }
        for (selector, tenants) in heads {
            for (tenant, score) in tenants {
                let isBelow = (picture.held[tenant]?.count ?? 0) < ledger.store.cap(of: tenant)
                let listed = picture.eligible[selector]?.first { $0.member == tenant }
                if isBelow != (listed != nil) {
                    ledger.found("S12", "\(tenant) in \(selector): below its cap \(isBelow), listed \(listed != nil)")
                } else if let listed, Int64(listed.score) != ledger.store.effective(score, of: tenant, picture) {
                    ledger.found("S12", "\(tenant) in \(selector) is listed at another score than its head's")
                }
            }
        }
        for (selector, entries) in picture.eligible {
            for entry in entries where heads[selector]?[entry.member] == nil {
                ledger.found("S12", "\(entry.member) is eligible in \(selector) and waits for nothing")
            }
        }
    }

    /// L1: no free slot beside an eligible waiter that it fits, unless `todo` says that somebody goes on.
    private func pairs(_ picture: StoreView.Picture, _ ledger: Ledger) {
        guard !picture.holdOff, picture.todo.isEmpty else { return }
        var open: Set<String> = []
        for worker in picture.workers where worker.isGrantable {
            for slot in worker.slots where slot.state == "free" && !ledger.store.isPaused(slot.pool) {
                open.insert(slot.pool)
            }
        }
        guard !open.isEmpty else { return }
        for waiter in picture.waiters.values where waiter.state == "queued" {
            guard (picture.held[waiter.tenant]?.count ?? 0) < ledger.store.cap(of: waiter.tenant) else { continue }
            for pool in open where ledger.store.fits(waiter.selector, pool) {
                ledger.found("L1", "a slot of \(pool) is free while \(waiter.id) waits for \(waiter.selector)")
            }
        }
    }
}

/// S3, S7 and L8 (its half in Redis): each grant that commits goes to whom it must go to.
final class GrantChecker: Checker {
    private var number = ""
    private var known: Set<String> = []

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.wrote else { return }
        let store = ledger.store
        let seq = store.field("state", of: "seq") ?? ""
        guard seq != number else { return }
        number = seq
        let picture = store.picture
        // Those of this commit, in the order they were made.
        let granted = picture.leases.values.filter { $0.state == "granted" }
        let new = granted.filter { !known.contains($0.id) }.sorted { $0.token < $1.token }
        known = Set(granted.map(\.id))
        for (place, grant) in new.enumerated() {
            let later = new[(place + 1)...]
            check(grant, later: Array(later), picture, ledger)
        }
    }

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        guard case .storeLostData = happening else { return }
        // What stands again was granted once.
        ledger.store.forget()
        number = ledger.store.field("state", of: "seq") ?? ""
        known = Set(ledger.store.picture.leases.values.filter { $0.state == "granted" }.map(\.id))
    }

    private func check(
        _ grant: StoreView.LeaseLine, later: [StoreView.LeaseLine], _ picture: StoreView.Picture, _ ledger: Ledger
    ) {
        let store = ledger.store
        let held = (picture.held[grant.tenant] ?? []).filter { id in !later.contains { $0.id == id } }
        if held.count > store.cap(of: grant.tenant) {
            ledger.found("S3", "\(grant.id) was granted though \(grant.tenant) held \(held.count - 1)")
        }
        if let worker = picture.workers.first(where: { $0.id == grant.worker }) {
            let isTrial = worker.state == "trial" && worker.trial == grant.id
            if worker.isDraining || !(worker.state == "ok" || isTrial) {
                ledger.found("L8", "\(grant.id) was granted at \(worker.id), which is \(worker.state)")
            }
        }
        if store.isPaused(grant.pool) {
            ledger.found("S12", "\(grant.id) was granted at \(grant.pool), which is paused")
        }
        guard let waiter = picture.waiters[grant.waiter] else { return }
        if !store.fits(waiter.selector, grant.pool) {
            ledger.found("S7", "\(grant.id) asks for \(waiter.selector) and was granted at \(grant.pool)")
        }
        guard !store.isBeingReindexed(picture) else { return }
        let own = store.effective(
            waiter.score, of: waiter.tenant, picture, less: later.filter { $0.tenant == waiter.tenant }.count + 1)
        for other in picture.waiters.values where other.id != waiter.id {
            let isLater = later.contains { $0.waiter == other.id }
            guard other.state == "queued" || isLater, store.fits(other.selector, grant.pool) else { continue }
            guard picture.gateways[other.gateway] == "" else { continue }
            // What its tenant held at that grant: this one if it is the same tenant's, none of the later ones.
            let after = later.filter { $0.tenant == other.tenant }.count + (other.tenant == grant.tenant ? 1 : 0)
            let had = (picture.held[other.tenant]?.count ?? 0) - after
            guard had < store.cap(of: other.tenant) else { continue }
            if store.effective(other.score, of: other.tenant, picture, less: after) < own {
                ledger.found("S7", "\(grant.id) was granted at \(grant.pool) before \(other.id) of \(other.tenant)")
            }
        }
    }
}
