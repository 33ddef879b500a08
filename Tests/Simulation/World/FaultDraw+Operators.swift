import QueueCore

/// What operators and callers do to a fleet in the middle of its faults.
extension FaultDraw {
    func limits() {
        let world = world
        if var chance = chance("limits", perMille: 400) {
            for time in times(&chance, most: 4) {
                let index = chance.number(0...world.declaration.tenants.count)
                let cap = chance.number(0...6)
                world.timeline.at(time) {
                    world.declare { $0.setCap(cap, of: index) }
                }
            }
        }
    }

    func drains() {
        let world = world
        if var chance = chance("drains", perMille: 250) {
            for time in times(&chance, most: 2) {
                let isGateway = chance.happens(perMille: 400)
                let pick = chance.next()
                let timeout = chance.number(milliseconds(100)...seconds(5))
                world.timeline.at(time) { [to] in
                    let hosts: String
                    if isGateway {
                        let living = world.livingGateways
                        guard !living.isEmpty else { return }
                        let gateway = living[Int(pick % UInt64(living.count))]
                        world.trace("\(gateway.process.name) drains")
                        hosts = gateway.process.host
                        gateway.process.arrive { gateway.drain(timeout: timeout) }
                    } else {
                        let living = world.livingWorkers
                        guard !living.isEmpty else { return }
                        let worker = living[Int(pick % UInt64(living.count))]
                        world.trace("\(worker.process.name) drains")
                        hosts = worker.process.host
                        worker.process.arrive { worker.drain(timeout: timeout) }
                    }
                    world.timeline.at(min(world.timeline.now + timeout + seconds(3), to)) { world.restart(hosts) }
                }
            }
        }
    }

    /// `berth drain`: through Redis, whatever becomes of the worker and of Redis meanwhile.
    func ordersToDrain() {
        let world = world
        guard var chance = chance("orders to drain", perMille: 250) else { return }
        for time in times(&chance, most: 2) {
            let pick = chance.next()
            world.timeline.at(time) {
                let living = world.livingWorkers
                guard !living.isEmpty else { return }
                world.orderDrain(living[Int(pick % UInt64(living.count))])
            }
        }
    }

    /// Orders to the running fleet: pools are paused and resumed, limits and the policy changed and given back.
    func orders() {
        let world = world
        if var chance = chance("pauses of pools", perMille: 250) {
            let pools = world.shape.workers.flatMap { $0.map(\.description) }
            for time in times(&chance, most: 3) {
                let pool = chance.one(of: pools)
                let name = "pause:" + (chance.happens(perMille: 300) ? String(pool.prefix { $0 != "|" }) : pool)
                let duration = chance.number(milliseconds(200)...seconds(10))
                world.timeline.at(time) {
                    world.order(name, "1")
                    world.timeline.after(duration) { world.order(name, "-") }
                }
            }
        }
        if var chance = chance("orders", perMille: 250) {
            for time in times(&chance, most: 4) {
                let index = chance.number(0...world.declaration.tenants.count)
                let tenant = index < world.declaration.tenants.count ? world.declaration.tenants[index].tenant : "*"
                let cap = chance.number(1...6)
                let limits = Shape.limits(cap: cap, head: chance.number(0...3)).words
                let kind = chance.number(0...9)
                world.timeline.at(time) {
                    switch kind {
                    case 0...4: world.order("tenant:\(tenant)", limits)
                    case 5...6: world.order("tenant:\(tenant)", "-")
                    case 7...8: world.order("policy", cap % 2 == 0 ? "fair" : "fifo")
                    default: world.order("policy", "-")
                    }
                }
            }
        }
    }

    /// A caller ends a waiter, a session, a run, or all of a tenant.
    func ends() {
        let world = world
        guard var chance = chance("ends", perMille: 350) else { return }
        for time in times(&chance, most: 8) {
            let pick = chance.next()
            let kind = chance.number(0...9)
            let tenant = chance.one(of: world.declaration.tenants).tenant
            let run = "run\(chance.number(1...3))"
            world.timeline.at(time) {
                let living = world.livingGateways
                guard !living.isEmpty else { return }
                let gateway = living[Int(pick % UInt64(living.count))]
                let clients = world.clients.filter { $0.outcome == nil && $0.wait != nil }
                let client = clients.isEmpty ? nil : clients[Int(pick / 8 % UInt64(clients.count))]
                switch (kind, client, client?.wait) {
                case (0...3, let client?, let wait?): gateway.end(.waiter(wait.id.text), of: client.plan.tenant)
                case (4...5, let client?, let wait?):
                    if case .active(let lease) = wait.machine.state {
                        gateway.end(.lease(lease), of: client.plan.tenant)
                    }
                case (6...8, _, _): gateway.end(.run(run), of: tenant)
                default: gateway.end(.tenant, of: tenant)
                }
            }
        }
    }
}
