/// Decides which call of a process is sent to Redis next, and which call is never sent.
///
/// Calls of one lane (a waiter at a gateway, a slot at a worker) are sent one at a time: the next call waits for the
/// answer to the previous one. A call without an answer is sent again on the next connection.
///
/// Each lane belongs to a tenant. Tenants take turns, one call each, and a tenant has at most a quarter of the window
/// under way. So a call of another tenant finds room, and Redis reads few calls before it. Within a tenant, verdicts
/// (all calls but entries) are sent before entries: a client that left makes room in Redis before the next one enters.
///
/// A client may leave before its entry was sent. Then neither its entry nor its exit is sent. So clients that connect
/// and reset cost Redis nothing, and no calls accumulate here for clients that left.
///
/// A call costs O(1), `resume` costs O(n log n).
public struct CallLine: Sendable {
    public typealias CallID = UInt64

    public enum Kind: Hashable, Sendable {
        /// Puts a client into the queue.
        case entry
        /// Takes a client out of the queue.
        case exit
        /// Any other call about a waiter or a slot.
        case other
    }

    /// The result of posting a call.
    public enum Posted: Hashable, Sendable {
        /// The call waits until `next` returns it.
        case waits(CallID)
        /// The entry before it was not sent yet. Neither of the two calls is sent.
        case vanished(entry: CallID)
    }

    /// The effect of an answer on its call.
    public enum Answer: Hashable, Sendable {
        /// The call is over, and its answer is used.
        case ends
        /// The call waits for the next `resume`.
        case repeats
        /// The call is over, and its answer is not used.
        case dropped
        /// The answer is ignored, because the call was sent on another connection since, or is over.
        case isLate
    }

    private struct Call {
        let id: CallID
        let kind: Kind
        /// The connection on which the call was last sent; 0 while it waits.
        var sentOn = 0
        var wasSent = false
        /// The call's effect is known without its answer. An answer is used if it arrives, but the call is not sent
        /// again.
        var isKnown = false

        var isEntry: Bool { kind == .entry }
    }

    private struct Lane {
        let tenant: String
        var calls: [Call]
        /// The place of the lane in its tenant's `verdicts` or `entries`, while its first call may be sent.
        var place: UInt64?
    }

    private struct Tenant {
        var lanes = 0
        /// The number of calls under way on this connection.
        var sent = 0
        /// Lanes whose first call may be sent.
        var verdicts = Line<String>()
        var entries = Line<String>()
        /// The tenant's place in `turns`, while it may send.
        var turn: UInt64?

        var isReady: Bool { !verdicts.isEmpty || !entries.isEmpty }
    }

    private var lanes: [String: Lane] = [:]
    private var tenants: [String: Tenant] = [:]
    private var turns = Line<String>()
    private var lastID: CallID = 0
    /// The number of calls under way on connection `countedOn`.
    private var sent = 0
    private var countedOn = 0
    /// The connection on which calls may be sent; 0 while there is none.
    private var open = 0

    public init() {}

    public var isEmpty: Bool { lanes.isEmpty }

    /// True while a call of this lane has no answer.
    public func isBusy(lane: String) -> Bool { lanes[lane] != nil }

    // MARK: - Events

    /// Adds a call to a lane.
    /// - Parameter tenant: ignored if the lane has calls, because all calls of a lane belong to one tenant.
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

    /// The call to send now, on the connection of the last `resume`; nil if none may be sent. Repeat until nil.
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

    /// A sent call was answered, or its answer was lost.
    /// - Parameters:
    ///   - connection: the connection on which the call was sent.
    ///   - isTaken: whether Redis executed the call for this process.
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

    /// The lane's entry is known to have taken effect, so it is not sent again, even if its answer was lost.
    /// - Returns: the entry, if it is removed at once.
    public mutating func forgetEntry(of lane: String) -> CallID? {
        guard let head = lanes[lane]?.calls.first, head.isEntry else { return nil }
        if head.sentOn == 0 {
            removeFirst(of: lane)
            return head.id
        }
        lanes[lane]!.calls[0].isKnown = true
        return nil
    }

    /// Calls may be sent from now on. Calls without an answer are sent again, in the order of posting.
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

    /// The connection is lost.
    public mutating func pause() { open = 0 }

    // MARK: - Places

    /// Adds the lane to its tenant's lanes to send, if its first call may be sent.
    private mutating func lineUp(_ name: String) {
        guard open != 0, let lane = lanes[name], lane.place == nil, lane.calls[0].sentOn != open else { return }
        let place =
            lane.calls[0].isEntry
            ? tenants[lane.tenant]!.entries.append(name) : tenants[lane.tenant]!.verdicts.append(name)
        lanes[name]!.place = place
        takeTurn(lane.tenant)
    }

    /// Adds the tenant to `turns`, at most once, if it has a call to send and room for it.
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

    /// Removes a tenant without a call to send from `turns`, and deletes a tenant without any call.
    private mutating func tidy(_ name: String) {
        guard let tenant = tenants[name] else { return }
        if !tenant.isReady, let turn = tenant.turn {
            turns.remove(at: turn)
            tenants[name]!.turn = nil
        }
        if tenant.lanes == 0 { tenants[name] = nil }
    }
}
