import Testing
import QueueCore

/// A small fleet whose processes do what the real ones do, in one thread and a second at a time; one of their commits
/// may be lost after it was answered. Nobody listens to pub/sub: what it carries must come another way.
final class Actors {
    /// What becomes of the caller's record with the lost commit.
    enum Loss: CaseIterable {
        /// Lost too: its next call tells.
        case seen
        /// Newer than the rest: no commit number tells.
        case hidden
    }

    let fleet: Fleet
    private(set) var gateways: [GatewayActor] = []
    private(set) var workers: [WorkerActor] = []
    /// Commits so far.
    private(set) var commits = 0
    private var loseAt = 0
    private var loss = Loss.seen
    /// The call that was lost.
    private(set) var lost = ""
    var seconds = 0

    init(_ fleet: Fleet) {
        self.fleet = fleet
        fleet.auditsEachStep = false
        fleet.redis("FLUSHALL")
        fleet.setClock()
    }

    /// Loses the commit of that number.
    func lose(_ number: Int, _ loss: Loss) {
        loseAt = number
        self.loss = loss
    }

    func gateway(_ name: String) -> GatewayActor {
        let actor = GatewayActor(self, Caller("gateway", name))
        gateways.append(actor)
        actor.register()
        return actor
    }

    func worker(_ name: String, slots: Int) -> WorkerActor {
        let actor = WorkerActor(self, Caller("worker", name), slots: slots)
        workers.append(actor)
        actor.register()
        return actor
    }

    func call(_ script: String, _ caller: Caller, _ arguments: [String]) -> Outcome {
        commits += 1
        guard commits == loseAt else { return fleet.run(script, caller, arguments) }
        let before = fleet.snapshot()
        let outcome = fleet.run(script, caller, arguments)
        lost = "\(script) \(arguments.joined(separator: " ")) by \(caller.id): \(outcome.status)"
        fleet.restore(before)
        let record = "\(caller.kind):\(caller.id):call"
        if loss == .hidden, fleet.redis("EXISTS", fleet.keys.prefix + record) == .integer(1) {
            fleet.write(record, "commit", String(outcome.commit))
        }
        return outcome
    }

    /// A second passes for everybody.
    func second() {
        seconds += 1
        fleet.advance(milliseconds: 1_000)
        for gateway in gateways { gateway.second() }
        for worker in workers { worker.second() }
        let sweeper = gateways[0].caller
        for _ in 0..<8 where call("sweep", sweeper, ["gateway"]).moreToDo {}
    }

    func waits(_ id: String) -> Bool { gateways.contains { $0.waits[id] != nil } }
}

/// A gateway: enqueues, dials, gives verdicts, compares its roll.
final class GatewayActor {
    enum State: Equatable {
        case waiting
        case active(Grant)
    }
    struct Wait {
        let name: String
        let tenant: String
        var ticket: Int
        var attempt: Int
        var state = State.waiting
    }

    unowned let actors: Actors
    let caller: Caller
    /// By the id the queue knows.
    var waits: [String: Wait] = [:]
    private var roll = WaiterRoll()
    private var acknowledgements: [String] = []
    /// Names of those that had their session.
    private(set) var served: [String] = []
    /// The next dial fails like this.
    var nextDial: RejectReason?

    init(_ actors: Actors, _ caller: Caller) {
        self.actors = actors
        self.caller = caller
    }

    private var fleet: Fleet { actors.fleet }

    /// One call, and what a change of epoch or an unknown process asks for.
    @discardableResult
    private func call(_ script: String, _ arguments: [String]) -> Outcome {
        let epoch = caller.history.epoch
        let outcome = actors.call(script, caller, arguments)
        if outcome.status == "unknown" || (epoch != 0 && caller.history.epoch > epoch && script != "drain") {
            if outcome.status != "unknown" { _ = actors.call("drain", caller, ["gateway", "leave"]) }
            register()
            if outcome.status == "unknown" { return call(script, arguments) }
        }
        return outcome
    }

    func register() {
        while actors.call("register", caller, ["gateway"]).status == "busy" {}
        roll.forget()
        for (id, wait) in waits.sorted(by: { $0.key < $1.key }) where wait.state == .waiting { again(id) }
    }

    func enqueue(_ name: String, tenant: String) {
        post(fleet.newWaiter(), Wait(name: name, tenant: tenant, ticket: 0, attempt: 0))
    }

    /// Under a new id, with its old ticket.
    private func again(_ id: String) {
        guard let wait = waits.removeValue(forKey: id) else { return }
        post(fleet.newWaiter(), wait)
    }

    private func post(_ id: String, _ wait: Wait) {
        waits[id] = wait
        let ticket = wait.ticket == 0 ? "" : String(wait.ticket)
        let reply = call("enqueue", [id, wait.tenant, "x|||raw", "0", "", "1", ticket, String(wait.attempt)])
        guard waits[id] != nil else { return }
        if let known = Int(reply.text(0)) { waits[id]!.ticket = known }
        if let grant = reply.grant { granted(grant) }
    }

    /// The client leaves.
    func leave(_ name: String) {
        guard let id = waits.first(where: { $0.value.name == name })?.key else { return }
        waits[id] = nil
        call("cancel", [id, "", "0"])
    }

    func second() {
        let acks = acknowledgements
        let reply = call("collect", acks)
        acknowledgements.removeAll { acks.contains($0) }
        for grant in reply.grants { granted(grant) }
        for probe in reply.texts(2) { call("probed", [String(probe.split(separator: " ")[0]), "1"]) }
        if actors.seconds % 2 == 0 { compare() }
    }

    private func compare() {
        let entries = waits.sorted { $0.key < $1.key }.map { id, wait in
            WaiterRoll.Entry(id: WaiterID(id)!, standing: wait.state == .waiting ? .waiting : .unsettled)
        }
        let reply = call("roll", roll.ask(entries))
        let judgement = roll.heard(reply.listings, entries)
        for id in judgement.strangers { call("cancel", [id.text, "", "0"]) }
        for id in judgement.lost { again(id.text) }
    }

    private func granted(_ grant: Grant) {
        let id = grant.lease.waiter.text
        acknowledgements.append(grant.letter)
        guard let wait = waits[id] else {
            call("cancel", [id, grant.lease.description, "0"])
            return
        }
        guard wait.state == .waiting, grant.lease.attempt > wait.attempt else { return }
        waits[id]!.attempt = grant.lease.attempt
        let failure: RejectReason?
        if let planned = nextDial {
            (failure, nextDial) = (planned, nil)
        } else if let worker = actors.workers.first(where: { $0.caller.id == grant.worker.text }) {
            failure = worker.present(grant, by: self)
        } else {
            failure = .unreachable
        }
        guard let failure else {
            if waits[id] != nil { waits[id]!.state = .active(grant) }
            return
        }
        let reply = call("reject", ["gateway", grant.lease.description, failure.rawValue, "0", "", "", ""])
        if reply.status == "ended" { again(id) }
    }

    /// The worker ended the connection.
    func ended(_ grant: Grant) {
        guard let wait = waits.removeValue(forKey: grant.lease.waiter.text) else { return }
        served.append(wait.name)
    }
}
