import EventLoop
import Queue
import QueueCore
import RedisClient
import SimulatedRedis
import SimulationChecks

/// A fleet in simulated time: one thread, one seed, nothing else decides what happens.
public final class World {
    let fleetName = "sim"
    let timeline = Timeline()
    let network: Network
    let server: StoreServer
    let exchange: Exchange
    let shape: Shape
    private let options: SimulationOptions
    private(set) var ledger: Ledger!
    private(set) var gateways: [SimulatedGateway] = []
    private(set) var workers: [SimulatedWorker] = []
    private(set) var clients: [SimulatedClient] = []
    /// What the gateways' file says now.
    var declaration: Declaration
    var idChance: Chance
    var sidecarChance: Chance
    private var loadChance: Chance
    private var featureChance: Chance
    private var schemaChance: Chance
    private var processes = 0
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private var lines: [String] = []
    private var counts: [String: Int] = [:]
    private var isLoading = false
    private var paused: Set<String> = []
    /// Commits that processes were told of are gone.
    private(set) var hasLostData = false

    /// - Parameter redis: empty, with the scripts loaded.
    init(seed: UInt64, shape: Shape, redis: SimulatedRedis, options: SimulationOptions) {
        self.shape = shape
        self.options = options
        network = Network(timeline: timeline, seed: seed)
        server = StoreServer(network: network, redis: redis, seed: seed)
        exchange = Exchange(network, seed: seed)
        idChance = Chance(seed: seed, stream: "ids")
        sidecarChance = Chance(seed: seed, stream: "sidecars")
        loadChance = Chance(seed: seed, stream: "load")
        featureChance = Chance(seed: seed, stream: "features")
        schemaChance = Chance(seed: seed, stream: "schema of a process")
        declaration = shape.declaration
        let view = StoreView(redis, fleet: fleetName)
        let checkers = allCheckers(looksEvery: options.looksEvery, firstLook: Int(seed % UInt64(options.looksEvery)))
        ledger = Ledger(store: view, checkers: checkers) { [unowned self] in timeline.now }
        ledger.onNote = { [unowned self] in noted($0) }
        if options.stopsAtFirst { ledger.onFinding = { [unowned self] in timeline.isStopped = true } }
        server.observer = self
        network.onBreak = { [unowned self] in ledger.note(.connectionBroke) }
        server.trustsCallersClocks = plants(.callersClock)
        server.onLoss = { [unowned self] in storeLosesData("lost its last commit") }
        server.onTear = { [unowned self] in
            storeLosesData("a script dies midway")
            ledger.note(.scriptDies)
        }
    }

    func plants(_ bug: PlantedBug) -> Bool { options.mutant?.bug == bug }

    func sidecarTime(of range: ClosedRange<Int64>) -> Int64 {
        shape.isEven ? (range.lowerBound + range.upperBound) / 2 : sidecarChance.number(range)
    }

    func nonce() -> String { WaiterID(high: idChance.next(), low: idChance.next()).text }

    // MARK: processes

    func startAll() {
        for index in 0..<shape.gateways { startGateway("g\(index + 1)") }
        for index in shape.workers.indices { startWorker(index) }
    }

    private func begin(_ host: String) -> SimulatedProcess {
        processes += 1
        let process = SimulatedProcess(name: "\(host)#\(processes)", host: host, timeline: timeline)
        process.isNewer = schemaChance.happens(perMille: shape.features.newerPerMille)
        return process
    }

    @discardableResult
    func startGateway(_ host: String) -> SimulatedGateway {
        let gateway = SimulatedGateway(self, process: begin(host), declaration: declaration)
        gateways.append(gateway)
        began(gateway.process, gateway.id, isWorker: false)
        return gateway
    }

    /// - Parameter index: which of the shape's workers. A second one of the same node gets a port of its own.
    @discardableResult
    func startWorker(_ index: Int, port: Int = 9_000) -> SimulatedWorker {
        let worker = SimulatedWorker(
            self, process: begin("w\(index + 1)"), port: port, plans: shape.plans(index),
            lifetime: shape.features.lifetimes.indices.contains(index) ? shape.features.lifetimes[index] : 0)
        workers.append(worker)
        began(worker.process, worker.id, isWorker: true)
        return worker
    }

    private func began(_ process: SimulatedProcess, _ id: ProcessID, isWorker: Bool) {
        trace("\(process.name) begins as \(id)")
        ledger.note(.processBegan(id, isWorker: isWorker))
        process.whenGone { [unowned self] in
            trace("\(process.name) is gone")
            ledger.note(.processGone(id))
        }
        process.onPause = { [unowned self] in ledger.note($0 ? .processPaused(id) : .processWentOn(id)) }
    }

    var livingGateways: [SimulatedGateway] { gateways.filter { !$0.process.isGone } }
    var livingWorkers: [SimulatedWorker] { workers.filter { !$0.process.isGone } }
    var livingProcesses: [SimulatedProcess] { livingGateways.map(\.process) + livingWorkers.map(\.process) }

    /// The machine is gone, and all that ran there: nobody is told by it.
    func vanish(_ process: SimulatedProcess) {
        for host in hosts where host != process.host { network.cut(process.host, host) }
        for one in livingProcesses where one.host == process.host { one.end() }
    }

    var hosts: [String] {
        ["redis"] + (0..<shape.gateways).map { "g\($0 + 1)" } + shape.workers.indices.map { "w\($0 + 1)" }
    }

    // MARK: load

    func beginLoad() {
        isLoading = true
        nextClient()
    }

    func endLoad() { isLoading = false }

    /// Clients of whom each one that ends is followed by another.
    func beginSteadyLoad() {
        isLoading = true
        for plan in shape.steadyPlans { comeAnew(plan, after: 0) }
    }

    func comeAnew(_ plan: ClientPlan, after pause: Int64) {
        timeline.after(pause) { [unowned self] in
            guard isLoading else { return }
            let open = gateways.filter(\.isTakingClients)
            if open.isEmpty { return comeAnew(plan, after: milliseconds(100)) }
            arrive(plan, at: loadChance.one(of: open))
        }
    }

    private func nextClient() {
        timeline.after(loadChance.number(1...shape.pause * 2)) { [unowned self] in
            guard isLoading else { return }
            var plan = shape.plan(&loadChance)
            shape.add(to: &plan, &featureChance, client: clients.count + 1)
            let open = gateways.filter(\.isTakingClients)
            let pick = loadChance.next()
            arrive(plan, at: open.isEmpty ? nil : open[Int(pick % UInt64(open.count))])
            nextClient()
        }
    }

    /// A client whose gateway died tries again, at any gateway that lives by then.
    func comeAgain(_ plan: ClientPlan) {
        timeline.after(featureChance.number(milliseconds(20)...seconds(12))) { [unowned self] in
            let open = gateways.filter(\.isTakingClients)
            guard isLoading, !open.isEmpty else { return }
            arrive(plan, at: featureChance.one(of: open))
        }
    }

    /// Somebody comes for the slot that was borrowed, or kept after a first session.
    func comeBack(for lease: LeaseID, _ plan: ClientPlan) {
        guard let pause = plan.comesBack else { return }
        var next = ClientPlan(
            tenant: plan.tenant, selector: plan.selector, wait: seconds(4),
            leavesAfter: plan.leavesAfter == nil ? nil : featureChance.number(0...seconds(2)), session: plan.session)
        next.attaches = lease
        timeline.after(pause) { [unowned self, next] in
            let open = gateways.filter(\.isTakingClients)
            if !open.isEmpty { arrive(next, at: featureChance.one(of: open)) }
        }
    }

    @discardableResult
    func arrive(_ plan: ClientPlan, at gateway: SimulatedGateway?) -> SimulatedClient {
        let client = SimulatedClient(self, id: clients.count + 1, plan: plan)
        clients.append(client)
        if let gateway {
            client.arrive(at: gateway)
        } else {
            ledger.note(.clientArrived(client: client.id))
            client.over(.refused("no gateway"))
        }
        return client
    }

    var isQuiet: Bool { clients.allSatisfy { $0.outcome != nil } }

    /// Nobody wants anything any more, and every slot is free. A worker stays on trial until somebody uses it.
    var isAtRest: Bool {
        let picture = ledger.store.picture
        return isQuiet && picture.waiters.isEmpty && picture.leases.isEmpty
            && picture.workers.allSatisfy { worker in
                ["ok", "trial"].contains(worker.state) && !worker.isDraining
                    && worker.slots.allSatisfy { $0.state == "free" }
            }
    }

    /// Lets the checkers look at the whole, with what the living processes say of themselves.
    func look(_ stage: Stage) {
        for worker in livingWorkers {
            ledger.note(.table(worker: worker.id, rows: worker.table.rows, isDraining: worker.isDraining))
        }
        for gateway in livingGateways { ledger.note(.holds(gateway: gateway.id, waiting: gateway.waiting)) }
        ledger.look(stage)
    }

    // MARK: operators

    /// The file of all gateways changes, and each reads it anew.
    func declare(_ change: (inout Declaration) -> Void) {
        change(&declaration)
        trace("the file says \(declaration.rows.map { "\($0.name) \($0.text)" }.joined(separator: ", "))")
        for gateway in livingGateways { gateway.process.arrive { gateway.reload(self.declaration) } }
    }

    /// An operator's order, as `FleetOperator` gives it. It is not taken while Redis is away, or knows no such pool.
    func order(_ name: String, _ text: String) {
        guard server.state == .up else { return }
        let words = ["", "0", "0", "0", "0", "operator", "set", "0", "1", name, text]
        server.run(
            "settings", keys: [Array(ledger.store.key("state").utf8)], arguments: words.map { Array($0.utf8) })
        if name.hasPrefix("pause:") { paused.insert(name) }
    }

    /// An operator's order to drain.
    func orderDrain(_ worker: SimulatedWorker) {
        guard server.state == .up else { return }
        trace("\(worker.process.name) shall drain")
        let words = ["", "0", "0", "0", "0", "operator", "drain", worker.id.text]
        server.run("drain", keys: [Array(ledger.store.key("state").utf8)], arguments: words.map { Array($0.utf8) })
        worker.process.whenGone { [unowned self] in
            timeline.after(milliseconds(200)) { [unowned self] in restart(worker.process.host) }
        }
    }

    /// Ends all pauses there may be, again and again: the fleet may yet remember one that Redis lost.
    func resumeAll() {
        let names = paused.sorted()
        for turn in 1...10 where !names.isEmpty {
            timeline.after(seconds(Int64(turn))) { [unowned self] in
                for name in names where ledger.store.isOrdered(name) { order(name, "-") }
            }
        }
    }

    // MARK: Redis' troubles

    func storeLosesData(_ words: String) {
        hasLostData = true
        trace("Redis: \(words)")
        ledger.store.forget()
        ledger.note(.storeLostData)
    }

    // MARK: what is kept

    func trace(_ words: @autoclosure () -> String) {
        guard options.isTraced else { return }
        let now = timeline.now
        lines.append("\(now / 1_000_000).\(String(1_000_000 + now % 1_000_000).dropFirst()) \(words())")
    }

    private func noted(_ happening: Happening) {
        if case .clientEnded(let client, let how) = happening {
            stir(UInt64(client))
            let name: String
            switch how {
            case .served: name = "served"
            case .sessionLost: name = "session lost"
            case .refused(let why): name = "refused \(why)"
            case .left: name = "left"
            case .gatewayDied: name = "gateway died"
            }
            counts["client: " + name, default: 0] += 1
        }
        trace("  \(happening)")
    }

    private func stir(_ value: UInt64) { hash = (hash ^ value) &* 0x100_0000_01B3 }

    func result() -> SimulationResult {
        var counts = counts
        counts["events"] = timeline.happened
        counts["clients"] = clients.count
        return SimulationResult(
            findings: ledger.findings.map(\.description), hash: hash, trace: lines, counts: counts,
            simulatedMilliseconds: timeline.now / 1_000)
    }

    /// Lets go of what holds on to one another.
    func end() {
        server.redis.onPublish = nil
        timeline.end()
        exchange.end()
        for process in livingProcesses { process.end() }
        timeline.end()
    }
}

extension World: StoreObserver {
    func storeWillRun(_ script: String, arguments: [String]) { ledger.willRun(script, arguments: arguments) }

    func storeRan(_ script: String, arguments: [String], reply: RedisReply, wrote: Bool) {
        let texts = reply.errorText.map { ["error", $0] } ?? (reply.elements ?? [reply]).map { $0.text ?? "" }
        let call = StoreCall(script: script, arguments: arguments, reply: texts, wrote: wrote)
        stir(UInt64(timeline.now))
        for byte in script.utf8 { stir(UInt64(byte)) }
        for byte in call.status.utf8 { stir(UInt64(byte)) }
        counts["scripts", default: 0] += 1
        if options.isTraced { counts["\(script): \(call.status)", default: 0] += 1 }
        trace(
            "\(call.caller.prefix { $0 != "." }) \(script) \(Self.words(call.arguments.dropFirst(1)))"
                + " → \(Self.words(reply))")
        ledger.ran(call)
    }

    private static func words(_ arguments: ArraySlice<String>) -> String {
        arguments.map { $0.utf8.count > 100 ? $0.prefix(12) + "…" : $0 }.joined(separator: " ")
    }

    private static func words(_ reply: RedisReply) -> String {
        switch reply {
        case .array(let items): "[" + items.map { words($0) }.joined(separator: " ") + "]"
        case .null: "nil"
        case .integer(let number): String(number)
        default: reply.errorText ?? reply.text ?? ""
        }
    }
}

extension World {
    /// Each machine has a process.
    func restartAll() {
        for host in hosts.dropFirst() { restart(host) }
    }

    /// A process of that machine begins, if none runs there.
    func restart(_ host: String) {
        guard !livingProcesses.contains(where: { $0.host == host }) else { return }
        for other in hosts where other != host { network.heal(host, other) }
        if host.hasPrefix("g") {
            startGateway(host)
        } else if let number = Int(host.dropFirst()) {
            startWorker(number - 1)
        }
    }
}
