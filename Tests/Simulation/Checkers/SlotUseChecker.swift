import QueueCore

/// S2 and S8: what happens at a worker's slots, whatever Redis says or has lost.
final class SlotUseChecker: Checker {
    private struct Place: Hashable {
        let worker: ProcessID
        let slot: Int
    }

    private var served: [Place: LeaseID] = [:]
    private var last: [Place: (token: Token, attach: Int)] = [:]
    /// Leases whose accept Redis committed, each with its place and token.
    private var accepted: [String: Set<String>] = [:]

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard call.script == "accept", call.status == "accepted", call.arguments.count >= 10 else { return }
        // Header (5), lease, slot, epoch, number, attach.
        let words = call.arguments
        let place = "\(call.caller)/\(words[6]) \(words[7])/\(words[8]) \(words[9])"
        accepted[call.arguments[5], default: []].insert(place)
    }

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .served(let worker, let slot, let lease, let token, let attach, _):
            let place = Place(worker: worker, slot: slot)
            if let other = served.updateValue(lease, forKey: place) {
                ledger.found("S2", "\(worker)/\(slot) serves \(lease) and still \(other)")
            }
            if let before = last.updateValue((token, attach), forKey: place),
                (before.token, before.attach) >= (token, attach)
            {
                ledger.found("S8", "\(worker)/\(slot) serves by \(token) \(attach) after \(before)")
            }
            if accepted[lease.description]?.contains("\(worker)/\(slot) \(token) \(attach)") != true {
                ledger.found("S2", "\(worker)/\(slot) serves \(lease) which Redis never accepted")
            }
        case .unserved(let worker, let slot, _): served[Place(worker: worker, slot: slot)] = nil
        default: break
        }
    }
}

/// S2: a sidecar serves no more sessions than it may, at once and in all. So no client of a dedicated slot meets what
/// another one left.
final class SidecarUseChecker: Checker {
    private struct Use {
        var sessions = 0
        var leases: Set<LeaseID> = []
    }

    /// By worker and start.
    private var uses: [String: Use] = [:]

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .sidecarServes(let worker, let start, let slot, let lease, let seats, let sessionsMax):
            let name = "\(worker) \(start)"
            uses[name, default: Use()].sessions += 1
            uses[name]?.leases.insert(lease)
            guard let use = uses[name] else { return }
            if use.leases.count > seats || use.sessions > sessionsMax {
                ledger.found(
                    "S2",
                    "sidecar \(name) serves \(use.leases.count) sessions, \(use.sessions) in all; the last at slot \(slot)"
                )
            }
        case .unserved(let worker, _, let lease):
            for name in uses.keys where name.hasPrefix("\(worker) ") { uses[name]?.leases.remove(lease) }
        default: break
        }
    }
}

/// S6 and L5: each client, and each wait at a gateway, ends once and in time.
final class EndChecker: Checker {
    /// A dial under way when the wait is over goes first (2 s), and is looked at once a second.
    private static let slack: Int64 = 3_300_000

    private struct Wait {
        let gateway: ProcessID
        let until: Int64
        var ends = 0
        var isServed = false
    }

    private var clients: [Int: Int] = [:]
    private var waits: [Int: Wait] = [:]
    private var gone: Set<ProcessID> = []
    private var paused: Set<ProcessID> = []

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .clientArrived(let client): clients[client] = 0
        case .clientEnded(let client, _):
            clients[client, default: 0] += 1
            if clients[client] != 1 { ledger.found("S6", "client \(client) ended \(clients[client] ?? 0) times") }
        case .waitBegan(let client, let gateway, _, let until):
            if waits.updateValue(Wait(gateway: gateway, until: until), forKey: client) != nil {
                ledger.found("S6", "client \(client) waits twice")
            }
        case .relayBegan(let client, _):
            if waits[client]?.isServed == true { ledger.found("S6", "client \(client) is served twice") }
            waits[client]?.isServed = true
            inTime(client, now, ledger)
        case .waitEnded(let client, _):
            waits[client]?.ends += 1
            if waits[client]?.ends != 1 { ledger.found("S6", "the wait of client \(client) ended more than once") }
            if waits[client]?.isServed == false { inTime(client, now, ledger) }
        case .processGone(let process): gone.insert(process)
        case .processPaused(let process): paused.insert(process)
        default: break
        }
    }

    private func inTime(_ client: Int, _ now: Int64, _ ledger: Ledger) {
        guard let wait = waits[client], !paused.contains(wait.gateway) else { return }
        if now > wait.until + EndChecker.slack {
            ledger.found("L5", "client \(client) was held \((now - wait.until) / 1_000) ms beyond its wait")
        }
    }

    func look(_ stage: Stage, at now: Int64, into ledger: Ledger) {
        guard stage == .atRest else { return }
        for client in clients.keys.sorted() where clients[client] == 0 {
            ledger.found("S6", "client \(client) never ended")
        }
        for client in waits.keys.sorted() {
            guard let wait = waits[client], wait.ends == 0, !gone.contains(wait.gateway) else { continue }
            ledger.found("S6", "the wait of client \(client) at \(wait.gateway) never ended")
        }
    }
}

/// S9: what is over changes nothing.
final class StaleChecker: Checker {
    private var before: [String: UInt64]?
    private var why = ""
    private var reply = ""

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        before = nil
        guard arguments.count >= 6, let connection = Int(arguments[1]) else { return }
        let store = ledger.store
        let id = arguments[0]
        let record = store.call(of: id, "connection")
        if let record, let recorded = Int(record), connection < recorded {
            why = "of an old connection"
            reply = "old"
        } else if script == "release", arguments.count > 9, arguments[9] == "1" {
            // It is a `ready` too, which counts whatever became of the lease.
            return
        } else if let lease = lease(script, arguments), store.field("lease", lease, of: "waiter") == nil {
            why = "for a lease that is over"
            reply = ""
        } else if ["accept", "release"].contains(script), arguments.count > 8, !isOf(arguments, store) {
            why = "by another token than the lease's"
            reply = ""
        } else {
            return
        }
        // What any call may note of its caller and of the time is no change.
        before = store.contents(without: ["state", "meta", "worker:\(id):call", "gateway:\(id):call"])
    }

    /// The slot and token that a worker names are those of the lease.
    private func isOf(_ arguments: [String], _ store: StoreView) -> Bool {
        ["slot", "epoch", "number"].map { store.field("lease", arguments[5], of: $0) }
            == arguments[6...8].map { Optional($0) }
    }

    private func lease(_ script: String, _ arguments: [String]) -> String? {
        switch script {
        case "accept", "release": arguments[5]
        case "reject" where arguments.count > 6: arguments[6]
        default: nil
        }
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        guard let before else { return }
        self.before = nil
        if !reply.isEmpty, call.status != reply {
            ledger.found("S9", "\(call.script) \(why) was answered \(call.status)")
        }
        let id = call.caller
        let after = ledger.store.contents(without: [
            "state", "meta", "worker:\(id):call", "gateway:\(id):call",
        ])
        for key in Set(before.keys).union(after.keys).sorted() where before[key] != after[key] {
            ledger.found("S9", "\(call.script) \(why) changed \(key)")
        }
    }
}
