/// Connections that have not sent their request yet, and the order in which they close if there are too many.
///
/// Any host that reaches the port can connect thousands of times a second. A gateway sends a valid mac within a round
/// trip, and must not lose its place to silent connections. Connections close in this order, the oldest of each kind
/// first:
/// 1. connections that have their answer and wait for their peer to close;
/// 2. silent connections of an address that has more than its share;
/// 3. silent connections of addresses without a valid mac in the last `knownMilliseconds`;
/// 4. silent connections of the other addresses;
/// 5. connections that sent a valid mac, and have not sent their head yet.
///
/// Each call costs O(1), amortised. A lane drops entries of closed connections when they reach its front.
public struct PendingConnections: Sendable {
    /// How long an address counts as known after it sent a valid mac.
    public static let knownMilliseconds: UInt64 = 600_000
    /// Known addresses kept at most.
    public static let knownAddressesMax = 1_024
    /// An address that is not known has at most this part of the places.
    public static let shareDivisor = 4

    private enum Standing { case silent, proved, answered }

    private struct Lane {
        private var ids: [UInt64] = []
        private var head = 0

        mutating func append(_ id: UInt64, isHere: (UInt64) -> Bool) {
            _ = first(isHere)
            if head > 32 && head * 2 > ids.count {
                ids.removeFirst(head)
                head = 0
            }
            ids.append(id)
        }

        mutating func first(_ isHere: (UInt64) -> Bool) -> UInt64? {
            while head < ids.count {
                if isHere(ids[head]) { return ids[head] }
                head += 1
            }
            return nil
        }

        /// Drops the one that `first` returned.
        mutating func skip() { head += 1 }
    }

    private let placesMax: Int
    private let shareMax: Int
    private var entries: [UInt64: (address: UInt64, standing: Standing)] = [:]
    private var silentByAddress: [UInt64: (count: Int, lane: Lane)] = [:]
    private var answered = Lane()
    private var strangers = Lane()
    private var acquaintances = Lane()
    private var proved = Lane()
    private var known: [UInt64: UInt64] = [:]
    private var newestAddress: UInt64?

    /// - Parameter max: places in all, at least one.
    public init(max placesMax: Int) {
        self.placesMax = placesMax
        shareMax = Swift.max(placesMax / PendingConnections.shareDivisor, 1)
    }

    public var count: Int { entries.count }

    /// A connection was accepted. Look at `surplus` next.
    /// - Parameters:
    ///   - id: grows with each connection.
    ///   - address: the peer's network, as a number.
    public mutating func arrived(_ id: UInt64, from address: UInt64, now: UInt64) {
        entries[id] = (address, .silent)
        let entries = entries
        silentByAddress[address, default: (0, Lane())].count += 1
        silentByAddress[address]?.lane.append(id) { entries[$0]?.standing == .silent }
        if isKnown(address, now: now) {
            acquaintances.append(id) { entries[$0]?.standing == .silent }
        } else {
            strangers.append(id) { entries[$0]?.standing == .silent }
        }
        newestAddress = address
    }

    /// The connection sent a valid mac that was not seen before.
    public mutating func proved(_ id: UInt64, now: UInt64) {
        guard let address = entries[id]?.address else { return }
        know(address, now: now)
        move(id, to: .proved)
    }

    /// The connection has its answer, and waits for its peer to close.
    public mutating func answered(_ id: UInt64) { move(id, to: .answered) }

    /// The connection closed, or its grant went to a slot.
    public mutating func left(_ id: UInt64) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        if entry.standing == .silent { countDown(entry.address) }
    }

    /// The connection to close because there are too many; nil if there is room. The owner first reads the bytes that
    /// the connection received, and asks again, because they may change the answer.
    public mutating func surplus(now: UInt64) -> UInt64? {
        let entries = entries
        func isSilent(_ id: UInt64) -> Bool { entries[id]?.standing == .silent }
        if let address = newestAddress, !isKnown(address, now: now), silentByAddress[address]?.count ?? 0 > shareMax {
            return silentByAddress[address]?.lane.first(isSilent)
        }
        guard entries.count > placesMax else { return nil }
        if let id = answered.first({ entries[$0] != nil }) { return id }
        while let id = strangers.first(isSilent) {
            // Its address may have sent a valid mac since.
            guard let address = entries[id]?.address, isKnown(address, now: now) else { return id }
            strangers.skip()
            acquaintances.append(id, isHere: isSilent)
        }
        return acquaintances.first(isSilent) ?? proved.first { entries[$0]?.standing == .proved }
    }

    private func isKnown(_ address: UInt64, now: UInt64) -> Bool {
        known[address].map { now < $0 + PendingConnections.knownMilliseconds } ?? false
    }

    private mutating func know(_ address: UInt64, now: UInt64) {
        if known.count >= PendingConnections.knownAddressesMax, known[address] == nil,
            let oldest = known.min(by: { $0.value < $1.value })
        {
            known[oldest.key] = nil
        }
        known[address] = now
    }

    private mutating func move(_ id: UInt64, to standing: Standing) {
        guard let entry = entries[id], entry.standing != standing else { return }
        if entry.standing == .silent { countDown(entry.address) }
        entries[id] = (entry.address, standing)
        let entries = entries
        if standing == .answered {
            answered.append(id) { entries[$0] != nil }
        } else {
            proved.append(id) { entries[$0] != nil }
        }
    }

    private mutating func countDown(_ address: UInt64) {
        guard let count = silentByAddress[address]?.count else { return }
        if count <= 1 {
            silentByAddress[address] = nil
        } else {
            silentByAddress[address]?.count = count - 1
        }
    }
}
