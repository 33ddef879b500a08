import QueueCore
import Testing

/// Processes come, go and stand still; time passes.
extension Walk {
    func join(gateway name: String) {
        generation += 1
        let gateway = Caller("gateway", name, generation: generation)
        callers[gateway.id] = gateway
        fleet.register(gateway)
        model.gateways[gateway.id] = Model.Gateway()
        alive(gateway.id)
        hear(gateway.id, true)
        note("join \(gateway.id)")
        settle()
    }

    func join(worker index: Int) {
        generation += 1
        let worker = Caller("worker", "w\(index)", generation: generation)
        callers[worker.id] = worker
        let age = 1_000 * Int(generation)
        fleet.register(worker, address: "w\(index):1", pools: Self.pools[index], age: age)
        model.workers[worker.id] = Model.Worker(
            slots: Self.pools[index].map { Model.Slot(state: "free", token: .none, lease: nil, pool: Pool($0)!) },
            startedAt: now - age)
        alive(worker.id)
        note("join \(worker.id)")
        settle()
    }

    func alive(_ id: String) {
        expires[id] = now + QueueLimits.processTTLMilliseconds
        renewed[id] = now
    }

    func hear(_ gateway: String, _ listens: Bool) {
        ears[gateway]?.stop()
        ears[gateway] = listens ? fleet.listen(callers[gateway]!) : nil
        model.gateways[gateway]?.isListening = listens
    }

    func listen() {
        guard let gateway = pick(gateways) else { return }
        hear(gateway, chance(75))
        note("\(gateway) listens: \(model.gateways[gateway]!.isListening)")
    }

    func pause() {
        guard let id = pick(gateways + workers) else { return }
        if chance(30) { paused.insert(id) } else { paused.removeAll() }
        note("paused: \(paused.sorted())")
    }

    func drainOrLeave() {
        if chance(30), let id = pick(gateways) {
            fleet.drain(callers[id]!, leave: true)
            model.endGateway(id)
            note("leave \(id)")
        } else if let id = pick(workers) {
            let leaves = chance(50)
            fleet.drain(callers[id]!, leave: leaves)
            if leaves {
                model.endWorker(id)
            } else {
                model.workers[id]!.isDraining = true
                for index in model.workers[id]!.slots.indices where model.workers[id]!.slots[index].state == "free" {
                    model.workers[id]!.slots[index].state = "draining"
                }
            }
            note("\(leaves ? "leave" : "drain") \(id)")
        }
        settle()
    }

    func rejoin() {
        let gone = ["g1", "g2", "g3"].filter { name in !gateways.contains { $0.hasPrefix(name + ".") } }
        if let name = pick(gone) { return join(gateway: name) }
        let absent = Self.pools.indices.filter { index in
            !model.workers.contains { $0.key.hasPrefix("w\(index).") && !$0.value.isDraining }
        }
        guard let index = pick(absent) else { return }
        // The drained one goes first: it has the address.
        for id in workers where id.hasPrefix("w\(index).") {
            fleet.drain(callers[id]!, leave: true)
            model.endWorker(id)
            settle()
        }
        join(worker: index)
    }

    func time() {
        fleet.advance(milliseconds: Int.random(in: 100..<2_500, using: &random))
        note("time \(now)")
        for id in gateways + workers where !paused.contains(id) && now - renewed[id]! > 3_000 {
            let caller = callers[id]!
            if caller.kind == "gateway" { fleet.renew(caller) } else { fleet.run("renew", caller, ["0"]) }
            alive(id)
        }
        sweep()
    }

    func sweep(strict: Bool = true) {
        guard let caller = pick(gateways + workers).map({ callers[$0]! }) else { return }
        repeat {
            let state = ["nextSweep", "grace", "lastTime"].map { Int(fleet.field("state", $0)) ?? 0 }
            let due = now >= state[0] && now >= state[1] && now - state[2] <= 4_000
            let outcome = fleet.sweep(caller)
            note("sweep by \(caller.id), due \(due)")
            if due {
                let late = model.leases.filter { !$0.value.isAccepted && $0.value.grantedAt + 5_000 <= now }.keys
                for id in late {
                    let lease = model.leases[id]!
                    model.endLease(id, to: "recycling")
                    model.mark(model.waiters[lease.waiter]!.gateway, "deadline")
                    model.requeue(lease.waiter)
                }
                for id in gateways where expires[id]! <= now { model.endGateway(id) }
                for id in workers where expires[id]! <= now { model.endWorker(id) }
            }
            settle(strict: strict && outcome.status == "ok")
            if !outcome.moreToDo || outcome.status != "ok" { break }
        } while model.complaints.isEmpty
    }
}
