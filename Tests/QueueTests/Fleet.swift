import EventLoop
import Foundation
import Queue
import QueueCore
import Testing

/// A script's reply: its header and what is its own.
struct Outcome: Equatable {
    let status: String
    let epoch: Int
    let commit: Int
    let flags: Int
    let ticket: Int
    let values: [Reply]

    init(_ reply: Reply) {
        let parts = reply.list
        status = parts.first?.string ?? reply.string
        epoch = parts.count > 1 ? Int(parts[1].string) ?? 0 : 0
        commit = parts.count > 2 ? Int(parts[2].string) ?? 0 : 0
        flags = parts.count > 3 ? Int(parts[3].string) ?? 0 : 0
        ticket = parts.count > 4 ? Int(parts[4].string) ?? 0 : 0
        values = Array(parts.dropFirst(5))
    }

    var moreToDo: Bool { flags & 1 != 0 }
    var sweepDue: Bool { flags & 2 != 0 }
    var holdingOff: Bool { flags & 4 != 0 }

    func text(_ index: Int) -> String { index < values.count ? values[index].string : "" }
    func texts(_ index: Int) -> [String] { index < values.count ? values[index].strings : [] }
    /// The grants of a collect.
    var grants: [Grant] { texts(1).compactMap { Grant(payload: $0) } }
    /// Those whom somebody else ended, `waiter why`, of a collect.
    var ends: [String] { texts(3) }
    /// The grant of an enqueue that was served at once.
    var grant: Grant? { Grant(payload: text(1)) }
}

/// One process as the scripts see it; remembers what the replies taught it, as the drivers do.
final class Caller {
    let id: String
    let kind: String
    var connection = 1
    var history = History()
    var renewals = 0

    init(_ kind: String, _ name: String, generation: UInt64 = 1) {
        self.kind = kind
        id = ProcessID(node: name, generation: generation)!.text
    }

    var header: [String] {
        [id, String(connection), String(history.epoch), String(history.commit), String(history.ticket)]
    }
}

/// A fleet in a Redis of its own whose clock the test turns. After every call `audit` and the test's own look at all
/// keys must find nothing.
final class Fleet {
    let redis: TestRedis
    let keys = Keys(fleet: "t")
    private(set) var loaded: [String: String] = [:]
    /// The same scripts as the next release would have them, by name.
    private var newer: [String: String] = [:]
    /// Calls are made by the next release's scripts.
    var isNewer = false
    /// The same scripts, dying at the write whose number is in a key of the test's, by name.
    var dying: [String: String] = [:]
    /// Calls are made by the dying ones.
    var isDying = false
    /// One of them did.
    var hasDied = false
    private static let firstClock = 1_700_000_000_000_000
    /// Redis' microseconds.
    private(set) var clock = firstClock
    private var nextWaiter: UInt64 = 0
    var auditsEachStep = true
    /// Told of each call before it is made.
    var onCall: ((_ script: String, _ arguments: [String]) -> Void)?

    let nobody = Caller("operator", "nobody")

    private let plant: ((_ name: String, _ source: String) -> String)?

    /// - Parameter plant: changes a script before it is loaded, by its name.
    init(plant: ((_ name: String, _ source: String) -> String)? = nil, redis: TestRedis = TestRedis()) {
        self.plant = plant
        self.redis = redis
        load()
    }

    /// As new: the same calls give the same names and times again.
    func begin() {
        redis("FLUSHALL")
        (clock, nextWaiter) = (Self.firstClock, 0)
        setClock()
    }

    /// Loads the scripts, as at a server's start.
    func load() {
        newer = [:]
        loaded = load(plant.map { plant in TestScripts.shipped.map { ($0, plant($0, $1)) } } ?? TestScripts.shipped)
        load("auditWhole", source: TestScripts.wholeAudit)
        load("look", source: Look.source)
        setClock()
    }

    /// Loads a verb of the test's own.
    func load(_ name: String, body: String) {
        load(name, source: TestScripts.turned(ScriptLibrary.script(name, text: "#!lua\n" + body)))
    }

    private func load(_ name: String, source: String) {
        loaded.merge(load([(name, source)])) { $1 }
    }

    /// What Redis calls each, by name.
    func load(_ scripts: [(name: String, source: String)]) -> [String: String] {
        var loaded: [String: String] = [:]
        for script in scripts {
            let reply = redis("SCRIPT", "LOAD", script.source)
            // Lua refuses more than 200 names, among other things.
            if case .error(let words) = reply { preconditionFailure("\(script.name): \(words)") }
            loaded[script.name] = reply.string
        }
        return loaded
    }

    func setClock() {
        redis("HSET", TestScripts.clockKey, "s", String(clock / 1_000_000), "us", String(clock % 1_000_000))
    }

    func turn(to clock: Int) {
        self.clock = clock
        setClock()
    }

    /// Turns Redis' clock; more than 4 s at once is what an outage looks like.
    func advance(milliseconds: Int) {
        clock += milliseconds * 1_000
        setClock()
    }

    var milliseconds: Int { clock / 1_000 }

    func raw(_ script: String, _ arguments: [String]) -> Reply {
        onCall?(script, arguments)
        if isNewer, newer.isEmpty { newer = load(TestScripts.newer) }
        let scripts = isDying ? dying : isNewer ? newer : loaded
        let reply = redis.ask(["EVALSHA", scripts[script]!, "1", keys.state] + arguments)
        if isDying, case .error = reply { hasDied = true }
        return reply
    }

    @discardableResult
    func run(
        _ script: String, _ caller: Caller, _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) -> Outcome {
        let reply = raw(script, caller.header + arguments)
        if case .error(let text) = reply, !text.hasPrefix("OOM"), !text.contains("died at") {
            Issue.record("\(script) \(arguments): \(text)", sourceLocation: sourceLocation)
        }
        let outcome = Outcome(reply)
        _ = caller.history.heard(
            epoch: Int64(outcome.epoch), commit: Int64(outcome.commit), ticket: Int64(outcome.ticket))
        if auditsEachStep { check("\(script) \(arguments)", sourceLocation: sourceLocation) }
        return outcome
    }

    // MARK: - What must hold after each step

    func check(_ after: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for finding in findings() { Issue.record("\(finding) after \(after)", sourceLocation: sourceLocation) }
    }

    func look() -> Look {
        Look(redis.command(["EVALSHA", loaded["look"]!, "0", keys.prefix]).strings)
    }

    // MARK: - The verbs, typed

    func newWaiter() -> String {
        nextWaiter += 1
        return WaiterID(high: 7, low: nextWaiter).text
    }

    @discardableResult
    func register(_ gateway: Caller) -> Outcome { run("register", gateway, ["gateway"]) }

    @discardableResult
    func register(
        _ worker: Caller, address: String = "127.0.0.1:1", pools: [String], caps: CapsMode = .lenient,
        lifetime: Int = 0, served: Int = 0, drains: Bool = false, age: Int = 0, rows: [String]? = nil
    ) -> Outcome {
        run(
            "register", worker,
            [
                "worker", address, String(pools.count), caps.rawValue, String(lifetime), String(served),
                drains ? "1" : "0", String(age), "1.2.3",
            ] + pools + (rows ?? pools.indices.map { "\($0) free 0 0 - -" }))
    }

    /// Rows of settings. `last` ends a gateway's declaration: what no living gateway named since is then taken back.
    @discardableResult
    func settings(
        _ caller: Caller, _ verb: String, _ rows: [(name: String, text: String)], began: String = "0",
        last: Bool = false
    ) -> Outcome {
        run("settings", caller, [caller.kind, verb, began, last ? "1" : "0"] + rows.flatMap { [$0.name, $0.text] })
    }

    /// One row as Redis has it.
    func setting(_ name: String) -> String {
        redis("HGET", keys.prefix + "settings", name).string
    }

    /// An operator's order.
    @discardableResult
    func order(_ name: String, _ words: String) -> Outcome { settings(nobody, "set", [(name, words)]) }

    @discardableResult
    func cap(
        _ caller: Caller, _ tenant: String, _ cap: Int, queueMax: Int = 1_000, priority: Int = 0, weight: Int = 1,
        guarantee: Int = 0
    ) -> Outcome {
        let limits = TenantLimits(
            cap: cap, queueMax: queueMax, waitMaxMilliseconds: 1_000, priorityMaxSeconds: priority, weight: weight,
            guarantee: guarantee)
        return settings(caller, caller.kind == "gateway" ? "declare" : "set", [("tenant:\(tenant)", limits.words)])
    }

    @discardableResult
    func enqueue(
        _ gateway: Caller, _ waiter: String, tenant: String = "a", _ selector: String = "x|||raw", head: Int = 0,
        run name: String = "", wait: Bool = true, ticket: Int? = nil, attempt: Int = 0, alias: String = "",
        keep: Int = 0
    ) -> Outcome {
        run(
            "enqueue", gateway,
            [
                waiter, tenant, selector, String(head), name, wait ? "1" : "0", ticket.map { String($0) } ?? "",
                String(attempt), alias, String(keep),
            ])
    }

    /// Many waiters in few round trips, unaudited.
    func enqueueMany(_ gateway: Caller, _ count: Int, tenant: (Int) -> String) {
        enqueueMany(gateway, (0..<count).map { _ in newWaiter() }, tenant: tenant)
    }

    func enqueueMany(_ gateway: Caller, _ ids: [String], tenant: (Int) -> String) {
        let call = ["EVALSHA", loaded["enqueue"]!, "1", keys.state] + gateway.header
        for start in stride(from: 0, to: ids.count, by: 1_000) {
            let replies = redis.pipeline(
                (start..<min(start + 1_000, ids.count)).map {
                    call + [ids[$0], tenant($0), "x|||raw", "0", "", "1", "", "0"]
                })
            let other = replies.first { !["queued", "granted"].contains($0.list.first?.string) }
            precondition(other == nil, "\(String(describing: other))")
        }
    }

    @discardableResult
    func cancel(_ gateway: Caller, _ waiter: String, lease: String = "", dialed: Bool = false) -> Outcome {
        run("cancel", gateway, [waiter, lease, dialed ? "1" : "0"])
    }

    @discardableResult
    func collect(_ gateway: Caller, _ acknowledged: [String] = []) -> Outcome { run("collect", gateway, acknowledged) }

    @discardableResult
    func probed(_ gateway: Caller, _ worker: Caller, _ passed: Bool) -> Outcome {
        run("probed", gateway, [worker.id, passed ? "1" : "0"])
    }

    func words(_ grant: Grant) -> [String] {
        [grant.lease.description, String(grant.slot), String(grant.token.epoch), String(grant.token.number)]
    }

    /// With the number of the connection, where it is not the first.
    func words(_ grant: Grant, _ attach: Int) -> [String] {
        words(grant) + (attach == 1 ? [] : [String(attach)])
    }

    @discardableResult
    func accept(_ worker: Caller, _ grant: Grant, attach: Int = 1) -> Outcome {
        run("accept", worker, words(grant, attach))
    }

    @discardableResult
    func release(_ worker: Caller, _ grant: Grant, isFit: Bool = false) -> Outcome {
        run("release", worker, words(grant) + (isFit ? ["1"] : []))
    }

    @discardableResult
    func ready(_ worker: Caller, _ grant: Grant) -> Outcome {
        ready(worker, slot: grant.slot, grant.token)
    }

    @discardableResult
    func ready(_ worker: Caller, slot: Int, _ token: Token) -> Outcome {
        run("ready", worker, [String(slot), String(token.epoch), String(token.number)])
    }

    @discardableResult
    func reject(
        _ gateway: Caller, _ grant: Grant, _ reason: RejectReason, final: Bool = false, attach: Int = 1
    ) -> Outcome {
        run(
            "reject", gateway,
            [
                "gateway", grant.lease.description, reason.rawValue, final ? "1" : "0", "", "", "",
            ] + (attach == 1 ? [] : [String(attach)]))
    }

    @discardableResult
    func reject(
        byWorker worker: Caller, _ grant: Grant, _ reason: RejectReason, slotFree: Bool = false, last: Token? = nil,
        attach: Int = 1
    ) -> Outcome {
        let last = last ?? grant.token
        return run(
            "reject", worker,
            [
                "worker", grant.lease.description, reason.rawValue, slotFree ? "1" : "0", String(grant.slot),
                String(last.epoch), String(last.number),
            ] + (attach == 1 ? [] : [String(attach)]))
    }

    @discardableResult
    func renew(
        _ caller: Caller, _ rows: [String] = [], settingsFrom: Int = 0, drains: Bool = false, usage: String = ""
    ) -> Outcome {
        guard caller.kind == "worker" else { return run("roll", caller, ["", "", String(settingsFrom), usage]) }
        caller.renewals += 1
        return run("renew", caller, [String(caller.renewals), "", drains ? "1" : "0", usage] + rows)
    }

    func row(_ slot: Int, _ state: String, _ token: Token = .none, _ lease: LeaseID? = nil, tenant: String = "-")
        -> String
    {
        "\(slot) \(state) \(token.epoch) \(token.number) \(lease?.description ?? "-") \(tenant)"
    }

    /// An operator's order; with `leave` the process' own end.
    @discardableResult
    func drain(_ caller: Caller, leave: Bool = false) -> Outcome {
        leave ? run("drain", caller, [caller.kind, "leave"]) : drain(caller.id)
    }

    /// - Parameter name: a node id or a process id.
    @discardableResult
    func drain(_ name: String) -> Outcome { run("drain", nobody, ["operator", "drain", name]) }

    @discardableResult
    func sweep(_ caller: Caller) -> Outcome { run("sweep", caller, [caller.kind]) }

    /// Turns the clock second by second, with a heartbeat and a sweep of the given processes each time.
    func live(_ seconds: Int, _ callers: [Caller]) {
        for _ in 0..<seconds {
            advance(milliseconds: 1_000)
            for caller in callers {
                if caller.kind == "gateway" { renew(caller) } else { run("renew", caller, ["0"]) }
            }
            if let first = callers.first { while sweep(first).moreToDo {} }
        }
    }

    // MARK: - Ready-made

    func gateway(_ name: String = "g") -> Caller {
        let gateway = Caller("gateway", name)
        #expect(register(gateway).status == "ok")
        return gateway
    }

    /// A worker whose probe has passed.
    func worker(_ name: String = "w", pools: [String], probedBy gateway: Caller, lifetime: Int = 0) -> Caller {
        let worker = Caller("worker", name)
        #expect(register(worker, address: "\(name):1", pools: pools, lifetime: lifetime).status == "ok")
        probed(gateway, worker, true)
        return worker
    }

    func listen(_ callers: Caller...) -> Subscriber {
        redis.subscribe(callers.map { $0.kind == "gateway" ? keys.wake($0.id) : keys.control($0.id) })
    }
}
