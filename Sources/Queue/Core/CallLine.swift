/// Which call of a process goes to Redis next, and which one is never sent.
///
/// Calls of one lane (a waiter at a gateway, a slot at a worker) go one after the other: the next call waits for the
/// answer to the one before. A call without an answer is sent again on the next connection.
///
/// Lanes belong to tenants. Tenants take turns, one call each, and a tenant has at most a quarter of the window under
/// way. So another tenant's call finds room, and Redis reads few calls before it. Within a tenant, verdicts go before
/// entries: a client that left makes room in Redis before the next one enters.
///
/// A client may leave before its entry was sent. Then entry and exit both vanish, and Redis hears of neither: clients
/// that connect and reset cost Redis nothing, and what waits here never outgrows the clients that are connected.
///
/// A call costs O(1), `resume` costs O(n log n).
public struct CallLine: Sendable {
    public typealias CallID = UInt64

    public enum Kind: Hashable, Sendable {
        /// Puts a client into the queue.
        case entry
        /// Takes a client out of the queue.
        case exit
        /// Any other word about a waiter or a slot.
        case other
    }

    /// The result of posting a call.
    public enum Posted: Hashable, Sendable {
        /// It waits for `next`.
        case waits(CallID)
        /// The entry before it was never sent: neither is sent any more.
        case vanished(entry: CallID)
    }

    /// The effect of an answer on its call.
    public enum Answer: Hashable, Sendable {
        /// It ends the call.
        case ends
        /// The call waits for the next `resume`.
        case repeats
        /// The call is over, and its answer is of no use.
        case dropped
        /// The call was sent on another connection since, or is over.
        case isLate
    }

    private struct Call {
        let id: CallID
        let kind: Kind
        /// The connection it was last sent on; 0 while it waits.
        var sentOn = 0
        var wasSent = false
        /// Its effect is known from elsewhere: an answer is welcome, but the call is not sent again.
        var isKnown = false

        var isEntry: Bool { kind == .entry }
    }

    private struct Lane {
        let tenant: String
        var calls: [Call]
        /// The place of its first call among those that may be sent.
        var place: UInt64?
    }

    private struct Tenant {
        var lanes = 0
        /// Calls under way on this connection.
        var sent = 0
        /// Lanes whose first call may be sent.
        var verdicts = Line<String>()
        var entries = Line<String>()
        /// Its place among the tenants that may send.
        var turn: UInt64?

        var isReady: Bool { !verdicts.isEmpty || !entries.isEmpty }
    }

    private var lanes: [String: Lane] = [:]
    private var tenants: [String: Tenant] = [:]
    private var turns = Line<String>()
    private var lastID: CallID = 0
    /// Calls under way on connection `countedOn`.
    private var sent = 0
    private var countedOn = 0
    /// The connection that calls may be sent on; 0 while there is none.
    private var open = 0

    public init() {}

    public var isEmpty: Bool { lanes.isEmpty }

    /// True while a call of this lane has no answer.
    public func isBusy(lane: String) -> Bool { lanes[lane] != nil }

    // MARK: - Events

    /// - Parameter tenant: ignored while the lane has calls: they are all of one tenant.
    public mutating func post(lane name: String, tenant: String, _ kind: Kind) -> Posted {
        if kind == .exit, let lane = lanes[name], lane.calls.count == 1, lane.calls[0].isEntry,
            !lane.calls[0].wasSent
        {
            let entry = lane.calls[0].id
            removeFirst(of: name)
            return .vanished(entry: entry)
        }
        let tenant = lanes[name]?.tenant ?? tenant
        lastID += 1
        let call = Call(id: lastID, kind: kind)
        if lanes[name] == nil {
            tenants[tenant, default: Tenant()].lanes += 1
            lanes[name] = Lane(tenant: tenant, calls: [call])
            lineUp(name)
        } else {
            lanes[name]?.calls.append(call)
        }
        return .waits(lastID)
    }

    /// The call to send now, on the connection of the last `resume`; nil while none may be sent. Ask until nil.
    public mutating func next() -> CallID? {
        guard open != 0, sent < QueueLimits.callsSentMax else { return nil }
        guard let name = turns.popFirst() else { return nil }
        tenants[name]!.turn = nil
        guard let lane = tenants[name]!.verdicts.popFirst() ?? tenants[name]!.entries.popFirst() else {
            preconditionFailure("a tenant in turn has a call to send")
        }
        lanes[lane]!.place = nil
        lanes[lane]!.calls[0].sentOn = open
        lanes[lane]!.calls[0].wasSent = true
        sent += 1
        tenants[name]!.sent += 1
        takeTurn(name)
        return lanes[lane]!.calls[0].id
    }

    /// A sent call was answered, or lost.
    /// - Parameters:
    ///   - connection: the one it was sent on.
    ///   - isTaken: Redis executed it for this process as it stands.
    public mutating func answered(_ id: CallID, lane name: String, on connection: Int, isTaken: Bool) -> Answer {
        guard let lane = lanes[name], lane.calls[0].id == id, lane.calls[0].sentOn == connection else {
            return .isLate
        }
        if connection == countedOn {
            sent -= 1
            tenants[lane.tenant]!.sent -= 1
            takeTurn(lane.tenant)
        }
        guard !isTaken else {
            removeFirst(of: name)
            return .ends
        }
        lanes[name]!.calls[0].sentOn = 0
        guard lane.calls[0].isKnown else { return .repeats }
        removeFirst(of: name)
        return .dropped
    }

    /// The lane's entry has had its effect, whatever became of its answer: it is never sent again.
    /// - Returns: the entry, if it is over by this.
    public mutating func forgetEntry(of lane: String) -> CallID? {
        guard let head = lanes[lane]?.calls.first, head.isEntry else { return nil }
        if head.sentOn == 0 {
            removeFirst(of: lane)
            return head.id
        }
        lanes[lane]!.calls[0].isKnown = true
        return nil
    }

    /// Calls may be sent from now on; those without an answer are sent again, in the order of their posting.
    public mutating func resume(connection: Int) {
        let isNew = countedOn != connection
        (open, countedOn) = (connection, connection)
        if isNew { sent = 0 }
        turns = Line()
        for name in tenants.keys {
            tenants[name]!.verdicts = Line()
            tenants[name]!.entries = Line()
            tenants[name]!.turn = nil
            if isNew { tenants[name]!.sent = 0 }
        }
        for name in lanes.keys { lanes[name]!.place = nil }
        let heads = lanes.map { (name: $0.key, id: $0.value.calls[0].id) }
        for head in heads.sorted(by: { $0.id < $1.id }) { lineUp(head.name) }
    }

    /// The connection is gone.
    public mutating func pause() { open = 0 }

    // MARK: - Places

    /// The lane's first call may be sent.
    private mutating func lineUp(_ name: String) {
        guard open != 0, let lane = lanes[name], lane.place == nil, lane.calls[0].sentOn != open else { return }
        let place =
            lane.calls[0].isEntry
            ? tenants[lane.tenant]!.entries.append(name) : tenants[lane.tenant]!.verdicts.append(name)
        lanes[name]!.place = place
        takeTurn(lane.tenant)
    }

    /// A tenant with a call to send and room for it stands in the turns once.
    private mutating func takeTurn(_ name: String) {
        guard let tenant = tenants[name], tenant.turn == nil, tenant.isReady else { return }
        guard tenant.sent < QueueLimits.callsSentOfTenantMax else { return }
        tenants[name]!.turn = turns.append(name)
    }

    private mutating func removeFirst(of name: String) {
        var lane = lanes[name]!
        let call = lane.calls.removeFirst()
        if let place = lane.place {
            if call.isEntry {
                tenants[lane.tenant]!.entries.remove(at: place)
            } else {
                tenants[lane.tenant]!.verdicts.remove(at: place)
            }
            lane.place = nil
        }
        lanes[name] = lane.calls.isEmpty ? nil : lane
        if lane.calls.isEmpty {
            tenants[lane.tenant]!.lanes -= 1
        } else {
            lineUp(name)
        }
        tidy(lane.tenant)
    }

    /// A tenant without a call to send leaves the turns, and one without any call is forgotten.
    private mutating func tidy(_ name: String) {
        guard let tenant = tenants[name] else { return }
        if !tenant.isReady, let turn = tenant.turn {
            turns.remove(at: turn)
            tenants[name]!.turn = nil
        }
        if tenant.lanes == 0 { tenants[name] = nil }
    }
}
