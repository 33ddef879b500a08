import QueueCore

/// S6: who is ended by somebody else's word hears of it, and whatever it held ends. Judged while nothing is wrong with
/// Redis.
final class OutsideEndChecker: Checker {
    /// A poll's second, and the messages; one more second where the worker must be told at its renew.
    private static let waiterBound: Int64 = 1_300_000
    private static let leaseBound: Int64 = 3_500_000
    /// After trouble processes first come back: reconnect, register.
    private static let recovery: Int64 = 4_000_000

    private var clients: [String: Int] = [:]
    private var isOver: Set<Int> = []
    private var gone: Set<String> = []
    /// Since when each is told to end.
    private var waiters: [String: Int64] = [:]
    private var leases: [String: Int64] = [:]

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .queuedAs(let client, let waiter): clients[waiter.text] = client
        case .waitEnded(let client, _): isOver.insert(client)
        case .processGone(let process), .processPaused(let process): gone.insert(process.text)
        case .storeLostData: (waiters, leases) = ([:], [:])
        default: break
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        let store = ledger.store
        if call.script == "finish", call.status == "ok" {
            for waiter in store.picture.waiters.values where waiter.state == "ended" {
                waiters[waiter.id] = waiters[waiter.id] ?? now
            }
            for id in store.picture.leases.keys where store.field("lease", id, of: "ending") != nil {
                leases[id] = leases[id] ?? now
            }
        }
        guard call.script == "sweep", !waiters.isEmpty || !leases.isEmpty else { return }
        let picture = store.picture
        for (id, since) in waiters.sorted(by: { $0.key < $1.key }) {
            guard let client = clients[id], let line = picture.waiters[id], line.state == "ended" else {
                waiters[id] = nil
                continue
            }
            if isOver.contains(client) || gone.contains(line.gateway) {
                waiters[id] = nil
            } else if now - since > OutsideEndChecker.waiterBound, isCalm(since, ledger) {
                waiters[id] = nil
                ledger.found(
                    "S6", "client \(client) was ended \((now - since) / 1_000) ms ago and still waits as \(id)")
            }
        }
        for (id, since) in leases.sorted(by: { $0.key < $1.key }) {
            guard let lease = picture.leases[id], !gone.contains(lease.worker), !gone.contains(lease.gateway) else {
                leases[id] = nil
                continue
            }
            if now - since > OutsideEndChecker.leaseBound, isCalm(since, ledger) {
                leases[id] = nil
                ledger.found("S6", "\(id) was to end \((now - since) / 1_000) ms ago and is \(lease.state)")
            }
        }
    }

    private func isCalm(_ since: Int64, _ ledger: Ledger) -> Bool {
        guard let calm = ledger.calmSince else { return false }
        return since - calm > OutsideEndChecker.recovery
    }
}

/// L3: what nobody came for ends at its deadline, in the first sweep that may end it.
final class DeadlineChecker: Checker {
    /// Less than a sweep's pause: a commit since its end may have set a deadline.
    private static let slackMilliseconds: Double = 100
    private var grace = GraceWatch()
    /// When a hold-off was seen last.
    private var heldOff: Int64 = 0

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) { grace.note(happening) }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        grace.ran(call, at: ledger.store.redis.now)
        guard call.script == "sweep", call.status == "ok" else { return }
        let store = ledger.store
        if store.picture.holdOff { heldOff = now }
        guard now - heldOff > 1_000_000 + Int64(Self.slackMilliseconds) * 1_000, store.picture.todo.isEmpty,
            let calm = ledger.calmSince
        else { return }
        // A grace period of ten seconds follows a trouble, and then a sweep.
        guard now - calm > 12_500_000 else { return }
        let clock = Double(store.redis.now / 1_000)
        // Nothing ended before; and what is more than a call may do goes on in the next, at once.
        guard Double(grace.perhapsUntil / 1_000) < clock - 1_000 - Self.slackMilliseconds,
            Double(store.field("state", of: "nextSweep") ?? "") ?? 0 > clock
        else { return }
        // Sweeps come once a second; this one may have been none.
        guard let first = store.deadlines.first,
            clock - first.score > 1_000 + Self.slackMilliseconds
        else { return }
        ledger.found("L3", "the deadline of \(first.member) was \(Int(clock - first.score)) ms ago")
    }
}

/// S7 over a gateway's death: whoever comes again by its alias within half a minute has its place back.
final class AliasChecker: Checker {
    private static let kept: Int64 = 30_000_000

    private struct Place {
        let waiter: String
        let gateway: String
        let ticket: Int64
        var orphanedAt: Int64?
    }

    private var places: [String: Place] = [:]
    private var clients: [String: Int] = [:]
    private var isOver: Set<Int> = []
    /// Waiters whose enqueue was answered.
    private var told: Set<String> = []

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .queuedAs(let client, let waiter): clients[waiter.text] = client
        case .relayBegan(let client, _), .waitEnded(let client, _):
            isOver.insert(client)
            forget { clients[$0.waiter] == client }
        case .served(_, _, let lease, _, _, _): forget { $0.waiter == lease.waiter.text }
        case .processGone(let gateway):
            for (name, place) in places where place.gateway == gateway.text { places[name]?.orphanedAt = now }
        case .storeLostData, .troubleBegan: places = [:]
        default: break
        }
    }

    private func forget(where holds: (Place) -> Bool) {
        for (name, place) in places where place.orphanedAt == nil && holds(place) { places[name] = nil }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        // Whose lease ended with its session unseen, or that was ended from outside, keeps no place.
        if ["finish", "accept", "reserve", "cancel"].contains(call.script) { drop(call) }
        guard call.script == "enqueue", call.arguments.count > 13, !call.arguments[13].isEmpty else { return }
        guard call.status == "queued" || call.status == "granted", call.reply.count > 5 else { return }
        guard let ticket = Int64(call.reply[5]) else { return }
        let name = call.arguments[6] + "/" + call.arguments[13]
        let waiter = call.arguments[5]
        // A waiter whose enqueue is answered a second time has kept its own ticket.
        let isNew = told.insert(waiter).inserted
        if isNew, let place = places[name], place.waiter != waiter, let orphanedAt = place.orphanedAt,
            now - orphanedAt < AliasChecker.kept, call.arguments[11].isEmpty, ticket != place.ticket
        {
            ledger.found(
                "S7",
                "\(name) came again \(now - orphanedAt) µs after its gateway's end as \(ticket), not \(place.ticket)")
        }
        // It may have left while its enqueue was on its way.
        guard clients[waiter].map({ !isOver.contains($0) }) ?? false else {
            places[name] = nil
            return
        }
        places[name] = Place(waiter: waiter, gateway: call.caller, ticket: ticket)
    }

    private func drop(_ call: StoreCall) {
        if call.script == "finish" {
            places = [:]
        } else if call.arguments.count > 5 {
            let waiter = call.arguments[5].prefix { $0 != "." }
            for (name, place) in places where place.waiter == waiter { places[name] = nil }
        }
    }
}
