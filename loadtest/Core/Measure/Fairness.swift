/// Jain's index of fairness (Jain, Chiu, Hawe 1984): 1 if all shares are equal, 1/n if one of n has all.
public enum Fairness {
    /// Nil without a share above 0.
    public static func index(_ shares: some Collection<Double>) -> Double? {
        let sum = shares.reduce(0, +)
        let squares = shares.reduce(0) { $0 + $1 * $1 }
        return squares > 0 ? sum * sum / (Double(shares.count) * squares) : nil
    }

    /// Over the tenants that had to wait since the time of `before`: each one's mean number of slots while it had a
    /// client waiting, as a part of its cap. A tenant that never waited got all it asked for, so it has no part in it.
    static func index(_ tenants: [SessionBook.Tenant], since before: [SessionBook.Tenant]? = nil, slots: Int) -> Double?
    {
        index(
            tenants.indices.compactMap { at in
                let time = tenants[at].backloggedMicroseconds - (before?[at].backloggedMicroseconds ?? 0)
                let held = tenants[at].backloggedSlotMicroseconds - (before?[at].backloggedSlotMicroseconds ?? 0)
                guard time > 0 else { return nil }
                return Double(held) / Double(time) / Double(min(tenants[at].cap ?? slots, slots))
            })
    }
}
