import QueueCore

/// A worker: accepts, serves for three seconds, releases, is ready a second later; shows its rows.
final class WorkerActor {
    struct Slot {
        var state = "recycling"
        var token = Token.none
        var grant: Grant?
        var tenant = ""
        var since = 0
        weak var gateway: GatewayActor?
    }

    static let sessionSeconds = 3

    unowned let actors: Actors
    let caller: Caller
    private(set) var slots: [Slot]
    /// How often each slot had two clients at once; never.
    private(set) var twice = 0

    init(_ actors: Actors, _ caller: Caller, slots: Int) {
        self.actors = actors
        self.caller = caller
        self.slots = Array(repeating: Slot(), count: slots)
    }

    private var rows: [String] {
        slots.enumerated().map { index, slot in
            actors.fleet.row(
                index, slot.state, slot.token, slot.grant?.lease, tenant: slot.grant == nil ? "-" : slot.tenant)
        }
    }

    @discardableResult
    private func call(_ script: String, _ arguments: [String]) -> Outcome {
        let epoch = caller.history.epoch
        let outcome = actors.call(script, caller, arguments)
        if outcome.status == "unknown" {
            register()
            return call(script, arguments)
        }
        if epoch != 0, caller.history.epoch > epoch, script != "renew", script != "register" { renew() }
        return outcome
    }

    func register() {
        var reply: Outcome
        repeat {
            reply = actors.call(
                "register", caller,
                ["worker", "w:1", String(slots.count), "lenient", "0", "0", "0", "0", "1"]
                    + slots.map { _ in "x|||raw" } + rows)
        } while reply.status == "busy"
        caller.renewals = 0
        obey(reply.texts(0))
    }

    private func renew() {
        caller.renewals += 1
        obey(call("renew", [String(caller.renewals), "", "0", ""] + rows).texts(0))
    }

    private func words(_ grant: Grant) -> [String] {
        [grant.lease.description, String(grant.slot), String(grant.token.epoch), String(grant.token.number)]
    }

    private func words(_ index: Int) -> [String] {
        [String(index), String(slots[index].token.epoch), String(slots[index].token.number)]
    }

    /// - Returns: why it is not served; nil once it is.
    func present(_ grant: Grant, by gateway: GatewayActor) -> RejectReason? {
        let index = grant.slot
        func reject(_ reason: RejectReason, free: Bool) -> RejectReason {
            call("reject", ["worker", grant.lease.description, reason.rawValue, free ? "1" : "0"] + words(index))
            return reason
        }
        guard grant.token > slots[index].token else { return reject(.stale, free: slots[index].state == "free") }
        slots[index].token = grant.token
        guard slots[index].state == "free" else { return reject(.occupied, free: false) }
        slots[index].state = "offered"
        let reply = call("accept", words(grant))
        guard slots[index].state == "offered" else { return .failed }
        guard reply.status == "accepted" else {
            slots[index].state = "free"
            call("ready", words(index))
            return .failed
        }
        if slots[index].grant != nil { twice += 1 }
        slots[index].state = "leased"
        slots[index].grant = grant
        slots[index].tenant = reply.text(0)
        slots[index].since = actors.seconds
        slots[index].gateway = gateway
        return nil
    }

    private func end(_ index: Int) {
        guard let grant = slots[index].grant else { return }
        slots[index].state = "recycling"
        slots[index].grant = nil
        slots[index].since = actors.seconds
        slots[index].gateway?.ended(grant)
        call("release", words(grant))
    }

    private func obey(_ orders: [String]) {
        for order in orders {
            let w = order.split(separator: " ").map(String.init)
            if w[0] == "close", let index = slots.firstIndex(where: { $0.grant?.lease.description == w[1] }) {
                end(index)
            } else if w[0] == "recycle", let index = Int(w[1]), let epoch = Int64(w[2]), let number = Int64(w[3]) {
                slots[index].token = max(slots[index].token, Token(epoch: epoch, number: number))
                if slots[index].state == "free" { call("ready", words(index)) }
            }
        }
    }

    func second() {
        for index in slots.indices {
            let age = actors.seconds - slots[index].since
            if slots[index].state == "leased", age >= Self.sessionSeconds {
                end(index)
            } else if slots[index].state == "recycling", age >= 1 {
                slots[index].state = "free"
                call("ready", words(index))
            }
        }
        if actors.seconds % 2 == 1 { renew() }
    }
}
