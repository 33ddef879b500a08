import QueueCore

/// How many slots the fleet grants in a second, over the last looks, by Redis' clock.
struct GrantRate: Hashable, Sendable {
    /// Looks that count.
    static let looksMax = 6

    private var looks: [FleetView.Head] = []

    mutating func add(_ look: FleetView.Head) {
        if let last = looks.last, look.epoch != last.epoch || look.tokens < last.tokens { looks = [] }
        // After a loss of data, the number rises to those of the tokens that workers show. These are no grants.
        if look.isRecovering { looks = [] } else { looks.append(look) }
        if looks.count > GrantRate.looksMax { looks.removeFirst() }
    }

    /// Nil until two looks are known.
    var perSecond: Double? {
        guard let first = looks.first, let last = looks.last, last.atMilliseconds > first.atMilliseconds else {
            return nil
        }
        return Double(last.tokens - first.tokens) * 1_000 / Double(last.atMilliseconds - first.atMilliseconds)
    }

    /// `2.4 grants/s`; empty until two looks are known.
    var words: String {
        guard let tenths = perSecond.map({ Int(($0 * 10).rounded()) }) else { return "" }
        return "\(tenths / 10).\(tenths % 10) grants/s"
    }
}
