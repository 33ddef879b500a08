import QueueCore

/// The faults of a random run. Each family draws from a stream of its own: one more family changes no other's draw.
struct FaultDraw {
    let world: World
    let seed: UInt64
    let from: Int64
    let to: Int64

    init(_ world: World, seed: UInt64, from: Int64, to: Int64) {
        self.world = world
        self.seed = seed
        self.from = from
        self.to = to
    }

    func schedule() {
        scheduleWhatPasses()
        limits()
        orders()
        sidecars()
    }

    /// Those after which the fleet is soon as it was.
    func scheduleWhatPasses() {
        weather()
        breaks()
        cuts()
        exile()
        kills()
        pauses()
        twins()
        store()
        lostWrites()
        dyingScripts()
        clock()
        drains()
        ordersToDrain()
        ends()
    }

    /// All that lasts ends.
    func heal() {
        world.trace("everything heals")
        world.network.latency = Network.Latency()
        world.network.healAll()
        world.server.hints = StoreServer.Hints()
        world.exchange.faults = Exchange.Faults()
        world.server.fate = nil
        if world.server.state == .down { world.server.comeUp(lostCommits: 0) }
        world.server.goOn()
        for process in world.livingProcesses { process.goOn() }
        for worker in world.livingWorkers { worker.fallIll(SimulatedSidecars.Illness()) }
        // A fleet without a gateway has nothing to show.
        if !world.gateways.contains(where: \.isTakingClients) { world.startGateway("g1") }
        world.resumeAll()
        world.ledger.note(.healed)
    }

    // MARK: - Families

    func chance(_ stream: StaticString, perMille: Int) -> Chance? {
        var chance = Chance(seed: seed, stream: stream)
        return chance.happens(perMille: perMille) ? chance : nil
    }

    /// What begins, lasts, and ends before the healing. `isTrouble`: between Redis and the processes.
    private func lasting(
        from time: Int64, for duration: Int64, isTrouble: Bool = true, begin: @escaping () -> Void,
        end: @escaping () -> Void
    ) {
        let world = world
        world.timeline.at(time) { [to] in
            begin()
            if isTrouble { world.ledger.note(.troubleBegan) }
            world.timeline.at(min(time + duration, to)) {
                end()
                if isTrouble { world.ledger.note(.troubleEnded) }
            }
        }
    }

    /// A trouble of a moment.
    private func trouble() {
        world.ledger.note(.troubleBegan)
        world.ledger.note(.troubleEnded)
    }

    func times(_ chance: inout Chance, most: Int) -> [Int64] {
        (0..<chance.number(1...most)).map { _ in chance.number(from...to) }
    }

    private func cut(_ one: String, _ other: String, at time: Int64, for duration: Int64) {
        let world = world
        lasting(from: time, for: duration, isTrouble: other == StoreServer.host) {
            world.trace("\(one) and \(other) are cut off from each other")
            world.network.cut(one, other)
        } end: {
            world.trace("\(one) and \(other) reach each other again")
            world.network.heal(one, other)
        }
    }

    /// What lasts as long as the faults do: slow messages, lost hints, dials that fail.
    private func weather() {
        let world = world
        if var chance = chance("latency", perMille: 400) {
            let spikes = chance.one(of: [2, 10, 40])
            let spike = chance.number(milliseconds(20)...milliseconds(1_200))
            lasting(from: from, for: to - from) {
                world.network.latency.spikesPerMille = spikes
                world.network.latency.spike = spike
            } end: {
                world.network.latency = Network.Latency()
            }
        }
        world.timeline.at(from) { [self] in
            if var chance = chance("hints lost", perMille: 500) {
                world.server.hints = StoreServer.Hints(
                    lostPerMille: chance.one(of: [0, 100, 500, 1_000]),
                    doubledPerMille: chance.one(of: [0, 0, 200]),
                    lateMost: chance.one(of: [0, milliseconds(5), milliseconds(700)]))
            }
            if var chance = chance("dials fail", perMille: 400) {
                world.exchange.faults = Exchange.Faults(
                    refusedPerMille: chance.one(of: [0, 0, 50]), blackHolePerMille: chance.one(of: [0, 0, 30]),
                    localPerMille: chance.one(of: [0, 0, 40]), doubledPerMille: chance.one(of: [0, 100]),
                    brokenPerMille: chance.one(of: [0, 50]))
            }
        }
    }

    /// Connections that break, with what is under way read or not.
    private func breaks() {
        let world = world
        if var chance = chance("breaks", perMille: 500) {
            for time in times(&chance, most: 8) {
                let pick = chance.next()
                let arriving = chance.one(of: [0, 1, 2, 1_000])
                world.timeline.at(time) { [self] in
                    trouble()
                    let connections =
                        world.livingGateways.map(\.runtime) + world.livingWorkers.map(\.runtime)
                    guard !connections.isEmpty else { return }
                    world.trace("a connection to Redis breaks, \(arriving) commands still arrive")
                    connections[Int(pick % UInt64(connections.count))].connection?.breakOff(arriving: arriving)
                }
            }
        }
        if var chance = chance("sessions break", perMille: 300) {
            for time in times(&chance, most: 6) {
                let pick = chance.next()
                world.timeline.at(time) {
                    var chance = Chance(seed: pick, stream: "pipe")
                    world.exchange.breakOne(chance: &chance)
                }
            }
        }
    }

    /// Machines that cannot reach one another for a while.
    private func cuts() {
        let world = world
        if var chance = chance("cut from Redis", perMille: 350) {
            let hosts = world.hosts.dropFirst()
            for time in times(&chance, most: 3) {
                let host = chance.one(of: Array(hosts))
                cut(host, StoreServer.host, at: time, for: chance.number(milliseconds(300)...seconds(15)))
            }
        }
        if var chance = chance("cut from workers", perMille: 350) {
            for time in times(&chance, most: 3) {
                let gateway = "g\(chance.number(1...world.shape.gateways))"
                let duration = chance.number(milliseconds(500)...seconds(15))
                let all = world.shape.workers.indices.map { "w\($0 + 1)" }
                let workers = chance.happens(perMille: 400) ? all : [chance.one(of: all)]
                for worker in workers { cut(gateway, worker, at: time, for: duration) }
            }
        }
    }

    /// A worker that Redis gives up, and that serves on: what it holds is declared again, when its tenant's places may be
    /// given away.
    private func exile() {
        let world = world
        guard world.shape.sessionMost >= seconds(15), var chance = chance("exile", perMille: 600) else { return }
        let worker = "w\(chance.number(1...world.shape.workers.count))"
        let begins = from + chance.number(0...seconds(4))
        cut(worker, StoreServer.host, at: begins, for: chance.number(seconds(12)...seconds(14)))
    }

    private func kills() {
        let world = world
        guard var chance = chance("kills", perMille: 500) else { return }
        for time in times(&chance, most: 4) {
            let isGateway = chance.happens(perMille: 500)
            let pick = chance.next()
            let vanishes = chance.happens(perMille: 200)
            let back = chance.happens(perMille: 800) ? chance.number(milliseconds(50)...seconds(14)) : nil
            world.timeline.at(time) {
                let living = isGateway ? world.livingGateways.map(\.process) : world.livingWorkers.map(\.process)
                guard !living.isEmpty else { return }
                let process = living[Int(pick % UInt64(living.count))]
                world.trace("\(process.name) \(vanishes ? "vanishes with its machine" : "is killed")")
                if vanishes { world.vanish(process) } else { process.end() }
                guard let back else { return }
                world.timeline.at(min(world.timeline.now + back, to)) { world.restart(process.host) }
            }
        }
    }

    private func pauses() {
        let world = world
        guard var chance = chance("pauses", perMille: 400) else { return }
        for time in times(&chance, most: 3) {
            let pick = chance.next()
            let duration = chance.number(milliseconds(200)...seconds(20))
            var paused: SimulatedProcess?
            lasting(from: time, for: duration) {
                let living = world.livingProcesses.filter { $0.state == .running }
                guard !living.isEmpty else { return }
                let process = living[Int(pick % UInt64(living.count))]
                world.trace("\(process.name) is stopped for \(duration / 1_000) ms")
                process.pause()
                paused = process
            } end: {
                guard let paused else { return }
                world.trace("\(paused.name) goes on")
                paused.goOn()
            }
        }
    }

    /// A second process with a node id that is taken.
    private func twins() {
        let world = world
        guard var chance = chance("twins", perMille: 150) else { return }
        let time = chance.number(from...to)
        let index = chance.number(0...world.shape.workers.count - 1)
        let isGateway = chance.happens(perMille: 300)
        world.timeline.at(time) {
            if isGateway { world.startGateway("g1") } else { world.startWorker(index, port: 9_001) }
        }
    }

    private func store() {
        let world = world
        guard var chance = chance("Redis", perMille: 450) else { return }
        for time in times(&chance, most: 2) {
            let kind = chance.number(0...6)
            let short = chance.number(milliseconds(100)...seconds(4))
            let lost = chance.one(of: [1, 2, 5, 20, 200])
            func down(for duration: Int64, lostCommits: Int?, _ words: String) {
                var isOurs = false
                lasting(from: time, for: duration) {
                    isOurs = world.server.state != .down
                    world.server.goDown()
                    world.trace("Redis ends")
                } end: {
                    guard isOurs, world.server.state == .down else { return }
                    world.server.comeUp(lostCommits: lostCommits)
                    if lostCommits == 0 { world.trace("Redis: \(words)") } else { world.storeLosesData(words) }
                }
            }
            switch kind {
            case 0:
                lasting(from: time, for: short) {
                    world.trace("Redis is stopped")
                    world.server.pause()
                } end: {
                    world.trace("Redis goes on")
                    world.server.goOn()
                }
            case 1: down(for: short, lostCommits: 0, "restarted with its data")
            case 2: down(for: short, lostCommits: nil, "restarted empty")
            case 3: down(for: short, lostCommits: lost, "restarted without its last \(lost) commits")
            case 4: down(for: milliseconds(20), lostCommits: lost, "failed over, \(lost) commits behind")
            case 5: down(for: seconds(14), lostCommits: 0, "back after an outage")
            default: down(for: milliseconds(10), lostCommits: nil, "failed over to an empty replica")
            }
        }
    }

    /// One write that Redis loses while everything goes on, acknowledged or not.
    private func lostWrites() {
        let world = world
        guard var chance = chance("lost writes", perMille: 150) else { return }
        let scripts = [
            "enqueue", "cancel", "collect", "accept", "reject", "release", "ready", "renew", "roll", "register",
            "probed",
            "drain", "sweep", "settings",
        ]
        for time in times(&chance, most: 3) {
            let script = chance.one(of: scripts)
            let fate: StoreServer.Fate = chance.happens(perMille: 400) ? .vanished : .forgotten
            world.timeline.at(time) { [to] in
                world.server.fate = { called, _, _ in
                    guard called == script, world.timeline.now < to else { return .normal }
                    world.server.fate = nil
                    return fate
                }
            }
        }
    }

    /// One script that dies at one of its commands.
    private func dyingScripts() {
        let world = world
        guard var chance = chance("dying scripts", perMille: 150) else { return }
        let scripts = [
            "enqueue", "cancel", "collect", "accept", "reject", "release", "ready", "renew", "roll", "sweep",
        ]
        for time in times(&chance, most: 2) {
            let script = chance.one(of: scripts)
            let command = chance.number(3...25)
            world.timeline.at(time) { [to] in
                world.server.fate = { called, _, _ in
                    guard called == script, world.timeline.now < to else { return .normal }
                    world.server.fate = nil
                    return .torn(command)
                }
            }
        }
    }

    private func clock() {
        let world = world
        guard var chance = chance("clock", perMille: 200) else { return }
        for time in times(&chance, most: 2) {
            let size = chance.one(of: [seconds(1), seconds(5), seconds(20), seconds(3_600)])
            let step = chance.happens(perMille: 500) ? size : -size
            world.timeline.at(time) { [self] in
                world.trace("Redis' clock steps by \(step / 1_000) ms")
                world.server.stepClock(by: step)
                trouble()
            }
        }
    }

    private func sidecars() {
        let world = world
        if var chance = chance("crashes", perMille: 300) {
            for time in times(&chance, most: 6) {
                let pick = chance.next()
                let slot = chance.number(0...3)
                let first = chance.happens(perMille: 300)
                world.timeline.at(time) {
                    let living = world.livingWorkers
                    guard !living.isEmpty else { return }
                    let worker = living[Int(pick % UInt64(living.count))]
                    guard worker.table.indices.contains(slot) else { return }
                    world.trace("\(worker.process.name) loses the sidecar of slot \(slot)")
                    worker.crashSidecar(slot, connectionFirst: first)
                }
            }
        }
        if var chance = chance("illness", perMille: 200) {
            let time = chance.number(from...to)
            let pick = chance.next()
            let duration = chance.number(seconds(1)...seconds(12))
            let illness = SimulatedSidecars.Illness(
                failsToStart: chance.happens(perMille: 400), refusesClients: chance.happens(perMille: 700))
            world.timeline.at(time) {
                let living = world.livingWorkers
                guard !living.isEmpty else { return }
                let worker = living[Int(pick % UInt64(living.count))]
                world.trace("\(worker.process.name) falls ill: \(illness)")
                worker.fallIll(illness)
                world.timeline.after(duration) { worker.fallIll(SimulatedSidecars.Illness()) }
            }
        }
    }
}
