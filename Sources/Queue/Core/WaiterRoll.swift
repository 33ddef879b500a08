/// A gateway's waiters against those that Redis has of it, a few at each renew: what even one lost commit left in only
/// one of the two places is found.
///
/// The gateway shows how many waiters it has in each 1/64 of the ids. Redis lists slices whose counts differ, and one
/// more in rotation, at most 128 ids of each, 64 of the one in rotation. Calls of one connection are answered in their
/// order, so a waiter whose last call was answered before the listing had its effect before it, too: if it waits, it
/// must be listed. What other processes do meanwhile (a worker adopts its lease) may hide it once; missing twice it is
/// lost.
///
/// Cost: one pass over all waiters to ask, one to read; remembered are only those that were missing once.
public struct WaiterRoll: Sendable {
    /// What the gateway knows of one of its clients.
    public enum Standing: Hashable, Sendable {
        /// In line, by an answer of Redis.
        case waiting
        /// Redis should have it, but what becomes of it is being decided.
        case deciding
        /// Redis may have it or not: an enqueue is on its way, or a session began.
        case unsettled
    }

    public struct Entry: Sendable {
        public let id: WaiterID
        public let standing: Standing

        public init(id: WaiterID, standing: Standing) {
            self.id = id
            self.standing = standing
        }
    }

    /// What a reply came to, each in the order of the ids.
    public struct Judgement: Hashable, Sendable {
        /// They wait, and Redis does not have them.
        public var lost: [WaiterID] = []
        /// Redis has them, and nobody here does.
        public var strangers: [WaiterID] = []

        public init(lost: [WaiterID] = [], strangers: [WaiterID] = []) {
            self.lost = lost
            self.strangers = strangers
        }
    }

    /// The part of a slice that Redis told of in full.
    public struct Listing: Sendable {
        fileprivate let slice: Int
        fileprivate let from: String
        /// The last id listed, where more follow.
        fileprivate let through: String?
        fileprivate let ids: Set<WaiterID>

        /// `nil` where `from` is no place in the ids.
        /// - Parameter through: the last of the ids, or `end` where the slice is listed to its end.
        public init?(from: String, through: String, ids: [String]) {
            guard from.utf8.count >= 2, from.utf8.allSatisfy(isLowerHex) else { return nil }
            slice = WaiterRoll.slice(from)
            self.from = from
            self.through = through == "end" ? nil : through
            self.ids = Set(ids.compactMap { WaiterID($0) })
        }

        fileprivate func covers(_ id: WaiterID) -> Bool {
            id.text >= from && (through.map { id.text <= $0 } ?? true)
        }
    }

    private var rotation = 0
    /// Where the rotation goes on in its slice. It is told apart: where slices are long, their rests would leave no room
    /// for those that differ.
    private var restOfRotation: String?
    private var missedOnce: Set<WaiterID> = []
    /// Where other listings that were cut go on.
    private var rest: [String] = []

    public init() {}

    /// The arguments of a renew: the counts, and from where on Redis lists in any case.
    public mutating func ask(_ entries: [Entry]) -> [String] {
        var counts = [Int](repeating: 0, count: QueueLimits.rollSlices)
        for entry in entries where entry.standing != .unsettled { counts[WaiterRoll.slice(entry.id.text)] += 1 }
        if restOfRotation == nil { rotation = (rotation + 1) % QueueLimits.rollSlices }
        var wishes = [restOfRotation ?? WaiterRoll.start(of: rotation)]
        let missed = missedOnce.map(\.text).sorted()
        for text in missed + rest {
            let slice = WaiterRoll.slice(text)
            // What begins before it in its slice comes to it.
            if !wishes.contains(where: { WaiterRoll.slice($0) == slice && $0 <= text }) { wishes.append(text) }
        }
        restOfRotation = nil
        rest = []
        return [
            counts.map(String.init).joined(separator: ","),
            wishes.prefix(QueueLimits.rollListingsMax).joined(separator: ","),
        ]
    }

    /// The listings of the renew's reply.
    public mutating func heard(_ listings: [Listing], _ entries: [Entry]) -> Judgement {
        guard let ofRotation = listings.first else { return Judgement() }
        restOfRotation = ofRotation.through
        rest = listings.dropFirst().compactMap(\.through)
        var bySlice = [[Int]](repeating: [], count: QueueLimits.rollSlices)
        for (at, listing) in listings.enumerated() { bySlice[listing.slice].append(at) }

        var judgement = Judgement()
        var known: Set<WaiterID> = []
        var missing: Set<WaiterID> = []
        for entry in entries {
            let candidates = bySlice[WaiterRoll.slice(entry.id.text)]
            guard !candidates.isEmpty else { continue }
            known.insert(entry.id)
            guard entry.standing == .waiting else { continue }
            let covering = candidates.filter { listings[$0].covers(entry.id) }
            if !covering.isEmpty, !covering.contains(where: { listings[$0].ids.contains(entry.id) }) {
                missing.insert(entry.id)
            }
        }
        judgement.lost = missing.intersection(missedOnce).sorted { $0.text < $1.text }
        judgement.strangers = Set(listings.flatMap(\.ids)).subtracting(known).sorted { $0.text < $1.text }
        missedOnce = missedOnce.filter { id in
            !bySlice[WaiterRoll.slice(id.text)].contains { listings[$0].covers(id) }
        }
        missedOnce.formUnion(missing.subtracting(judgement.lost))
        return judgement
    }

    /// Everything is declared anew: what was missing before means nothing.
    public mutating func forget() {
        missedOnce = []
        restOfRotation = nil
        rest = []
    }

    // MARK: Slices

    /// The first id's two leading digits.
    private static func start(of slice: Int) -> String {
        let text = String(slice * 4, radix: 16)
        return text.utf8.count < 2 ? "0" + text : text
    }

    /// By the two leading digits, which are hex.
    private static func slice(_ text: some StringProtocol) -> Int {
        var value = 0
        for byte in text.utf8.prefix(2) {
            value =
                value * 16 + Int(byte < UInt8(ascii: "a") ? byte - UInt8(ascii: "0") : byte - UInt8(ascii: "a") + 10)
        }
        return value / 4
    }
}
