import QueueCore

/// Fleets from the rows of the script `survey`.
enum Fleets {
    static let pool = "x|chromium|1.65|playwright"
    static let waiter = "0123456789abcdef0123456789abcdef"
    static let other = "fedcba9876543210fedcba9876543210"

    static func view(_ rows: [[String]]) -> FleetView {
        var survey = FleetSurvey()
        for row in rows { survey.add(row) }
        return survey.view
    }

    /// - Parameter oldest: the arrival of the first waiter, seconds before now.
    /// - Parameter at: now, in seconds.
    static func head(
        waiting: Int = 0, oldest: Int? = nil, recovering: Bool = false, at: Int = 1_000, epoch: Int = 7, tokens: Int = 0
    ) -> [String] {
        ["fleet", "3", "\(epoch)", recovering ? "1" : "0", "0", "\(waiting)", "0", "\(at * 1_000)"]
            + [oldest.map { "\((at - $0) * 1_000_000)" } ?? "", "\(tokens)"]
    }

    static func worker(
        _ id: String = "w1.00000000000000aa", state: String = "ok", draining: Bool = false, trouble: String = ""
    )
        -> [String]
    {
        [
            "worker", id, "10.0.0.1:3131", state, draining ? "1" : "0", trouble, "1010000", "0", "0", "7", "910000",
            "0.1.0",
        ]
    }

    static func slot(
        _ number: Int, _ state: String = "free", pool: String = pool, worker: String = "w1.00000000000000aa"
    )
        -> [String]
    {
        state == "leased"
            ? [
                "slot", worker, "\(number)", "leased", pool, "\(waiter).\(number + 1)", "acme", "accepted", waiter,
                "ci-7", "875000",
            ]
            : ["slot", worker, "\(number)", state, pool, "-", "", "", "", "", ""]
    }

    /// - Parameter oldest: as of `head`.
    static func queue(
        _ tenant: String, _ count: Int, pools: String = pool, oldest: Int = 10, selector: String = "x|chromium||"
    )
        -> [String]
    {
        let ticket = "\((1_000 - oldest) * 1_000_000)"
        return ["queue", selector, pools, tenant, "\(count)", ticket, ticket]
    }
}
