/// Counts the clients that wait and the slots in use, as clients see them, and integrates both over time. Times are
/// microseconds and never fall.
public struct SessionBook: Sendable {
    /// One tenant's sums.
    public struct Tenant: Sendable {
        public let cap: Int?
        public fileprivate(set) var waiting = 0
        public fileprivate(set) var inUse = 0
        public fileprivate(set) var inUseMost = 0
        public fileprivate(set) var served = 0
        /// ∫ slots in use.
        public fileprivate(set) var slotMicroseconds = 0
        /// The same, and the time, over ticks in which the tenant had a client waiting.
        public fileprivate(set) var backloggedSlotMicroseconds = 0
        public fileprivate(set) var backloggedMicroseconds = 0
        fileprivate var changed = 0
        fileprivate var slotMicrosecondsAtTick = 0
        fileprivate var line: WaitingLine
    }

    /// A client that waits for less than this may just be in its handshake, so it does not count as waiting for a slot.
    public static let handshakeMicroseconds = 20_000

    public private(set) var tenants: [Tenant]
    public private(set) var waiting = 0
    public private(set) var inUse = 0
    public private(set) var inUseMost = 0
    /// ∫ clients waiting, from the arrival that really happened.
    public private(set) var waitingMicroseconds = 0
    /// ∫ slots in use while a client waited, and ∫ slots that could have been in use then.
    public private(set) var usedMicroseconds = 0
    public private(set) var usableMicroseconds = 0
    /// Clients that got a slot although one of their tenant, sent earlier, still waited.
    public private(set) var overtaken = 0
    private let slots: Int
    private var now: Int
    private var tickedAt: Int
    private var slotMicroseconds = 0
    private var slotMicrosecondsAtTick = 0
    private var usableAtTick: Int?

    /// - Parameters:
    ///   - slots: what the system under test offers.
    ///   - caps: the tenants' caps.
    ///   - orderMicroseconds: heads sent closer to each other may arrive in either order.
    public init(slots: Int, caps: [Int?], orderMicroseconds: Int, now: Int) {
        self.slots = slots
        tenants = caps.map { Tenant(cap: $0, line: WaitingLine(orderMicroseconds: orderMicroseconds)) }
        (self.now, tickedAt) = (now, now)
        for index in tenants.indices { tenants[index].changed = now }
    }

    private mutating func advance(_ tenant: Int, to time: Int) {
        advance(to: time)
        tenants[tenant].slotMicroseconds += tenants[tenant].inUse * (now - tenants[tenant].changed)
        tenants[tenant].changed = now
    }

    private mutating func advance(to time: Int) {
        guard time > now else { return }
        waitingMicroseconds += waiting * (time - now)
        slotMicroseconds += inUse * (time - now)
        now = time
    }

    /// A client arrived.
    public mutating func arrived(_ tenant: Int, now: Int) {
        advance(tenant, to: now)
        waiting += 1
        tenants[tenant].waiting += 1
    }

    /// The client's head was sent.
    ///
    /// - Parameter session: a number of the session's own.
    public mutating func sent(_ session: Int, of tenant: Int, now: Int) {
        tenants[tenant].line.append(session, sent: now)
    }

    /// A client that waited got its slot.
    public mutating func opened(_ session: Int, of tenant: Int, now: Int) {
        advance(tenant, to: now)
        waiting -= 1
        inUse += 1
        inUseMost = max(inUseMost, inUse)
        tenants[tenant].waiting -= 1
        tenants[tenant].inUse += 1
        tenants[tenant].inUseMost = max(tenants[tenant].inUseMost, tenants[tenant].inUse)
        if tenants[tenant].line.remove(session) { overtaken += 1 }
    }

    /// A client that waited is gone without a slot.
    public mutating func left(_ session: Int, of tenant: Int, now: Int) {
        advance(tenant, to: now)
        waiting -= 1
        tenants[tenant].waiting -= 1
        _ = tenants[tenant].line.remove(session)
    }

    /// A client that held a slot gave it back.
    public mutating func released(_ tenant: Int, wasServed: Bool, now: Int) {
        advance(tenant, to: now)
        inUse -= 1
        tenants[tenant].inUse -= 1
        if wasServed { tenants[tenant].served += 1 }
    }

    /// Called every few milliseconds: sums what could have been in use since the last call.
    public mutating func tick(now: Int) {
        advance(to: now)
        let span = now - tickedAt
        var usable = 0
        var isAnyWaiting = false
        for index in tenants.indices where tenants[index].waiting + tenants[index].inUse > 0 {
            advance(index, to: now)
            let waiting = tenants[index].line.count(
                sentBefore: now - SessionBook.handshakeMicroseconds, most: slots)
            usable += min(tenants[index].cap ?? .max, tenants[index].inUse + waiting)
            guard waiting > 0 else { continue }
            isAnyWaiting = true
            tenants[index].backloggedMicroseconds += span
            tenants[index].backloggedSlotMicroseconds +=
                tenants[index].slotMicroseconds - tenants[index].slotMicrosecondsAtTick
        }
        for index in tenants.indices { tenants[index].slotMicrosecondsAtTick = tenants[index].slotMicroseconds }
        // A slot counts as usable between two ticks if it was usable at both.
        if let before = usableAtTick, isAnyWaiting {
            usableMicroseconds += min(before, usable, slots) * span
            usedMicroseconds += min(slotMicroseconds - slotMicrosecondsAtTick, min(before, usable, slots) * span)
        }
        usableAtTick = isAnyWaiting ? usable : nil
        slotMicrosecondsAtTick = slotMicroseconds
        tickedAt = now
    }
}
