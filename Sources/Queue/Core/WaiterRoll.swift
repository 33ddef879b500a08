/// Compares a gateway's waiters with those that Redis has, a part at each renew. So it finds a waiter that only one
/// side has, even after a single lost commit.
///
/// The ids are divided into 64 slices. The gateway sends its count of waiters in each slice. Redis lists slices whose
/// counts differ, and one more in rotation: at most 128 ids of each, and 64 of the one in rotation.
///
/// Redis answers the calls of one connection in order. If a waiter's last call was answered before the listing, the
/// call took effect before the listing. So Redis must list a waiter that still waits. A call of another process may
/// hide the waiter once (for example, a worker adopts its lease). So a waiter is lost only if it is missing twice.
///
/// Cost: one pass over all waiters for each request and each reply. Only waiters that were missing once are remembered.
public struct WaiterRoll: Sendable {
    /// The state of a waiter, as the gateway knows it.
    public enum Standing: Hashable, Sendable {
        /// Redis answered that it waits in line.
        case waiting
        /// Redis should have it, but it has a grant, or a call about it is unanswered.
        case deciding
        /// Redis may have it or not, because an enqueue is under way or a session began.
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

    /// The result of a reply. Both lists are in the order of the ids.
    public struct Judgement: Hashable, Sendable {
        /// Waiters of this gateway that Redis does not have.
        public var lost: [WaiterID] = []
        /// Waiters in Redis that this gateway does not have.
        public var strangers: [WaiterID] = []

        public init(lost: [WaiterID] = [], strangers: [WaiterID] = []) {
            self.lost = lost
            self.strangers = strangers
        }
    }

    /// A part of a slice that Redis listed completely.
    public struct Listing: Sendable {
        fileprivate let slice: Int
        fileprivate let from: String
        /// The last id of the list, if more ids follow; nil if the list reaches the end of the slice.
        fileprivate let through: String?
        fileprivate let ids: Set<WaiterID>

        /// `nil` if `from` is not the start of an id.
        /// - Parameter through: the last of `ids`, or `end` if the list reaches the end of the slice.
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
    /// The last id that Redis listed of the slice in rotation; nil if the slice is done. Kept apart from `rest`: if
    /// each rotation added to `rest`, long slices would leave no listings for slices that differ.
    private var restOfRotation: String?
    private var missedOnce: Set<WaiterID> = []
    /// The last ids that Redis listed of other slices, if more ids follow.
    private var rest: [String] = []

    public init() {}

    /// The arguments of a renew: the counts, and the ids from which Redis lists in any case.
    public mutating func ask(_ entries: [Entry]) -> [String] {
        var counts = [Int](repeating: 0, count: QueueLimits.rollSlices)
        for entry in entries where entry.standing != .unsettled { counts[WaiterRoll.slice(entry.id.text)] += 1 }
        if restOfRotation == nil { rotation = (rotation + 1) % QueueLimits.rollSlices }
        var starts = [restOfRotation ?? WaiterRoll.start(of: rotation)]
        let missed = missedOnce.map(\.text).sorted()
        for text in missed + rest {
            let slice = WaiterRoll.slice(text)
            // A listing that begins earlier in the same slice includes this id.
            if !starts.contains(where: { WaiterRoll.slice($0) == slice && $0 <= text }) { starts.append(text) }
        }
        restOfRotation = nil
        rest = []
        return [
            counts.map(String.init).joined(separator: ","),
            starts.prefix(QueueLimits.rollListingsMax).joined(separator: ","),
        ]
    }

    /// Judges the listings in the reply to a renew. The first listing is the one in rotation.
    public mutating func heard(_ listings: [Listing], _ entries: [Entry]) -> Judgement {
        guard let rotationListing = listings.first else { return Judgement() }
        restOfRotation = rotationListing.through
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

    /// Forgets which waiters were missing, because everything is declared again.
    public mutating func forget() {
        missedOnce = []
        restOfRotation = nil
        rest = []
    }

    // MARK: Slices

    /// The first two hex digits of the slice's lowest id.
    private static func start(of slice: Int) -> String {
        let text = String(slice * 4, radix: 16)
        return text.utf8.count < 2 ? "0" + text : text
    }

    /// The slice of an id, from its first two hex digits.
    private static func slice(_ text: some StringProtocol) -> Int {
        var value = 0
        for byte in text.utf8.prefix(2) {
            value =
                value * 16 + Int(byte < UInt8(ascii: "a") ? byte - UInt8(ascii: "0") : byte - UInt8(ascii: "a") + 10)
        }
        return value / 4
    }
}
