import QueueCore

/// What workers do, and what the model says of it.
extension Walk {
    func grant(_ id: String, _ lease: Model.Lease) -> Grant {
        Grant(
            lease: LeaseID(id)!, worker: ProcessID(lease.worker)!, slot: lease.slot, address: "-", pool: "-",
            token: lease.token)
    }

    func accept() {
        let open = model.leases.filter { !$0.value.isAccepted }
        guard let id = pick(open.keys.sorted()), let lease = open[id] else { return }
        let outcome = fleet.accept(callers[lease.worker]!, grant(id, lease))
        note("accept \(id): \(outcome.status)")
        if outcome.status != "accepted" { model.complaints.append("not accepted") }
        model.accept(id, since: now)
        settle()
    }

    func release() {
        let taken = model.leases.filter(\.value.isAccepted)
        guard let id = pick(taken.keys.sorted()), let lease = taken[id] else { return }
        let isFit = chance(50)
        fleet.release(callers[lease.worker]!, grant(id, lease), isFit: isFit)
        note("release \(id) fit: \(isFit)")
        model.endLease(id, to: isFit ? "free" : "recycling")
        model.waiters[lease.waiter] = nil
        settle()
    }

    func ready() {
        let open = workers.flatMap { id in
            model.workers[id]!.slots.indices.filter { model.workers[id]!.slots[$0].state == "recycling" }.map {
                (id, $0)
            }
        }
        guard let (id, index) = pick(open) else { return }
        let token = model.workers[id]!.slots[index].token
        let late = chance(5) && token.number > 0
        let told = late ? Token(epoch: token.epoch, number: token.number - 1) : token
        let outcome = fleet.ready(callers[id]!, slot: index, told)
        note("ready \(id)/\(index) \(told): \(outcome.status)")
        if late {
            if outcome.status != "later" { model.complaints.append("an older token frees nothing") }
        } else {
            free(id, index)
        }
        settle()
    }

    func free(_ id: String, _ index: Int) {
        model.workers[id]!.slots[index].state = model.workers[id]!.isDraining ? "draining" : "free"
    }

    /// What the worker says of its slots, with a lost accept, release or ready now and then.
    func renewWithRows() {
        guard let id = pick(workers) else { return }
        var rows: [String] = []
        for (index, slot) in model.workers[id]!.slots.enumerated() {
            switch slot.state {
            case "leased":
                let lease = model.leases[slot.lease!]!
                let tenant = model.waiters[lease.waiter]!.tenant
                if !lease.isAccepted && chance(60) {
                    // A young lease the worker has not seen: its row shows the token before.
                    rows.append(fleet.row(index, "free", Token(epoch: slot.token.epoch, number: slot.token.number - 1)))
                } else if lease.isAccepted && chance(15) {
                    rows.append(fleet.row(index, "recycling", slot.token))
                    model.endLease(slot.lease!, to: "recycling")
                    model.requeue(lease.waiter)
                } else {
                    // The age counts only where the accept was lost.
                    rows.append(
                        fleet.row(
                            index, "leased", slot.token, LeaseID(slot.lease!)!, tenant: tenant, keep: 0, age: 700))
                    if !lease.isAccepted { model.accept(slot.lease!, since: now - 700) }
                }
            case "free":
                let state = pick(["free", "free", "free", "free", "free", "free", "recycling", "out"])!
                rows.append(fleet.row(index, state, slot.token))
                model.workers[id]!.slots[index].state = state
            case "recycling", "out":
                let ready = chance(slot.state == "out" ? 60 : 20)
                rows.append(fleet.row(index, ready ? "free" : slot.state, slot.token))
                if ready { free(id, index) }
            default:
                rows.append(fleet.row(index, "free", slot.token))
            }
        }
        note("renew \(id) \(rows)")
        fleet.renew(callers[id]!, rows)
        alive(id)
        settle()
    }
}
