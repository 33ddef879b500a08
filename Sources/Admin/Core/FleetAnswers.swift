import HTTPCore
import QueueCore

/// The answers of the API that are computed from a view of the fleet.
package enum FleetAnswers {
    /// Most waiters in one answer.
    package static let listedWaitersMax = 10_000

    package static func answer(
        _ view: AdminEndpoint.View, _ fleet: FleetView, query: AdminQuery, places: [String: Place],
        _ facts: AdminFacts, redisMilliseconds: Double
    ) throws(AdminRefusal) -> JSONValue {
        let at = fleet.head.atMilliseconds
        switch view {
        case .status:
            return .object([JSONValue.Member("at", .number(at))] + FleetFeed.head(fleet, facts, redisMilliseconds))
        case .pools: return FleetJSON.list("pools", FleetJSON.pools(fleet), at: at)
        case .workers: return FleetJSON.list("workers", FleetJSON.workers(fleet), at: at)
        case .tenants: return FleetJSON.list("tenants", FleetJSON.tenants(fleet), at: at)
        case .sessions: return FleetJSON.list("sessions", FleetJSON.sessions(fleet), at: at)
        case .waiters: return FleetJSON.list("waiters", FleetJSON.line(fleet, places), at: at)
        case .usage: return usage(fleet.uses, day: query.day ?? Int(at / 86_400_000))
        case .scale: return try scale(fleet, pool: query.pool)
        }
    }

    /// The use of each tenant on a day. `*`: tenants that are not told apart.
    package static func usage(_ uses: [String: Use], day: Int) -> JSONValue {
        let rows = uses.sorted { $0.key < $1.key }.map { tenant, use -> JSONValue in
            [
                "tenant": .text(tenant), "heldMs": .number(use.heldMilliseconds),
                "waitedMs": .number(use.waitedMilliseconds), "sessions": .number(use.sessions),
                "refusals": .number(use.refusals),
            ]
        }
        return ["day": .text(DayOfUse(day: day, use: Use()).date), "tenants": .array(rows)]
    }

    /// The number to scale on.
    /// - Parameter pool: a label, or `label|browser`; versions and protocols are summed. Empty for the whole fleet.
    private static func scale(_ fleet: FleetView, pool: String) throws(AdminRefusal) -> JSONValue {
        let pools = fleet.poolCounts.filter { isPart($0.pool, of: pool) }
        guard pool.isEmpty || !pools.isEmpty else {
            throw AdminRefusal(
                .notFound,
                "No worker ever served a pool \(pool). A pool without a first worker is listed under scaleFromZero")
        }
        func sum(_ number: (FleetView.PoolCount) -> Int) -> JSONValue { .number(pools.reduce(0) { $0 + number($1) }) }
        return [
            "pool": .text(pool), "slotsWanted": sum(\.wanted), "slots": sum(\.slotsTotal),
            "slotsInUse": sum { $0.slots[.leased] ?? 0 }, "waiting": sum(\.waiting),
        ]
    }

    /// True if the pool is the named one, or one of its label or of its label and browser.
    private static func isPart(_ pool: String, of name: String) -> Bool {
        // A pool that scales from zero is `label|||`, and any browser of the label counts for it.
        name.isEmpty || pool == name || pool.hasPrefix(name + "|")
            || (pool.hasSuffix("|||") && name.hasPrefix(pool.dropLast(2)))
    }
}

/// The parameters of a request to the admin listener.
package struct AdminQuery: Hashable, Sendable {
    package var pool = ""
    /// How many waiters to list.
    package var limit = 100
    /// The day whose usage is asked for, in days since 1970-01-01; `nil` for today.
    package var day: Int?

    package init() {}

    /// - Throws: for a parameter that the request does not have, or a value out of range.
    package init(_ text: String?, for service: AdminEndpoint.Service) throws(AdminRefusal) {
        for part in (text ?? "").split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count == 2 ? percentDecoded(pair[1], plusIsSpace: true) : ""
            guard let value else { throw AdminRefusal(.badRequest, "The query is not percent-encoded correctly") }
            switch (pair[0], service) {
            case ("pool", .view(.scale)): pool = value
            case ("day", .view(.usage)):
                guard let number = DayOfUse.day(ofDate: value) else {
                    throw AdminRefusal(.badRequest, "day is a date like 2026-11-28")
                }
                day = number
            case ("limit", .view(.waiters)):
                guard let number = Int(value), (1...FleetAnswers.listedWaitersMax).contains(number) else {
                    throw AdminRefusal(.badRequest, "limit is a number from 1 to \(FleetAnswers.listedWaitersMax)")
                }
                limit = number
            default: throw AdminRefusal(.badRequest, "This request has no parameter \(pair[0].prefix(64))")
            }
        }
    }
}
