import QueueCore

/// What files declared and operators ordered, as the checkers read it.
extension StoreView {
    /// What counts for a tenant's place.
    struct Terms {
        var cap = TenantLimits.default.cap
        var weight: Int64 = 1
        var guarantee = 0
    }

    /// The words that hold under a name: an order before the file's.
    private func word(_ name: String) -> String? {
        _ = picture
        let rows = words ?? fields(key("settings"))
        words = rows
        guard let row = rows[name]?.split(separator: " "), row.count == 4 else { return nil }
        return row[2] != "-" ? String(row[2]) : row[0] != "-" ? String(row[0]) : nil
    }

    private func terms(of tenant: String) -> Terms {
        _ = picture
        if let known = terms[tenant] { return known }
        var found = Terms()
        if let numbers = (word("tenant:\(tenant)") ?? word("tenant:*"))?.split(separator: ",").compactMap({ Int($0) }),
            numbers.count == 6
        {
            found = Terms(cap: numbers[0], weight: max(Int64(numbers[4]), 1), guarantee: numbers[5])
        }
        terms[tenant] = found
        return found
    }

    /// `cap` of a tenant, as Redis has it.
    public func cap(of tenant: String) -> Int { terms(of: tenant).cap }

    /// Whether an order stands under that name.
    public func isOrdered(_ name: String) -> Bool { word(name) != nil }

    /// Whether an operator keeps a pool from being granted.
    public func isPaused(_ pool: String) -> Bool {
        word("pause:\(pool)") != nil || word("pause:\(pool.prefix { $0 != "|" })") != nil
    }

    /// What orders a tenant's waiter.
    /// - Parameter less: so many of the leases the tenant has in the picture were not there yet.
    public func effective(_ score: Int64, of tenant: String, _ picture: Picture, less: Int = 0) -> Int64 {
        let (terms, held) = (terms(of: tenant), (picture.held[tenant]?.count ?? 0) - less)
        let handicap = word("policy") == "fair" ? Int64(held) * 60_000_000 / terms.weight : 0
        return score + handicap - (held < terms.guarantee ? 1_000_000_000_000_000 : 0)
    }

    /// New defaults and a new policy reach the index a slice at a time.
    public func isBeingReindexed(_ picture: Picture) -> Bool {
        picture.todo.contains { $0.hasPrefix("limits:") || $0.hasPrefix("index:") }
    }
}
