import HTTPCore
import Metrics
import QueueCore

/// The texts of `GET /events`: the whole state for a new reader, then what changed.
///
/// All readers of a process get the same changes, because a state is as of the last change.
package struct FleetFeed: Sendable {
    /// The lists of a state, and the member that is the key of a row.
    private static let lists = ["pools", "tenants", "workers", "line"]

    private var head: [JSONValue.Member] = []
    private var rows: [String: [FleetRow]] = [:]
    private var happenings: [Happening] = []
    private var happeningsCount = 0
    private var atMilliseconds: Int64 = 0

    package init() {}

    /// True before the first state.
    package var isEmpty: Bool { head.isEmpty }

    /// The event for a new reader.
    /// - Parameter mayChange: this reader may give orders.
    package func state(mayChange: Bool) -> String {
        var members = [
            JSONValue.Member("at", .number(atMilliseconds)),
            JSONValue.Member("head", .object(head + [JSONValue.Member("mayChange", .flag(mayChange))])),
        ]
        for list in FleetFeed.lists { members.append(JSONValue.Member(list, .array((rows[list] ?? []).map(\.value)))) }
        members.append(JSONValue.Member("recent", .array(happenings.map(\.json))))
        return FleetFeed.event("state", .object(members))
    }

    /// Takes a new view.
    /// - Parameter places: of the first waiters, by id.
    /// - Returns: the event for all readers: what changed, or a tick.
    package mutating func update(
        _ view: FleetView, places: [String: Place], _ facts: AdminFacts, redisMilliseconds: Double
    ) -> String {
        atMilliseconds = view.head.atMilliseconds
        var members = [JSONValue.Member("at", .number(atMilliseconds))]
        let newHead = FleetFeed.head(view, facts, redisMilliseconds)
        let changed = newHead.filter { !head.contains($0) }
        head = newHead
        if !changed.isEmpty { members.append(JSONValue.Member("head", .object(changed))) }
        let lists = [
            FleetJSON.pools(view), FleetJSON.tenants(view), FleetJSON.workers(view), FleetJSON.line(view, places),
        ]
        for (name, new) in zip(FleetFeed.lists, lists) {
            if let change = FleetFeed.change(from: rows[name] ?? [], to: new, isOrdered: name == "line") {
                members.append(JSONValue.Member(name, change))
            }
            rows[name] = new
        }
        let fresh = facts.happenings.suffix(max(0, facts.happeningsCount - happeningsCount))
        (happenings, happeningsCount) = (facts.happenings, facts.happeningsCount)
        if !fresh.isEmpty {
            members.append(JSONValue.Member("recent", ["add": .array(fresh.map(\.json))]))
        }
        return FleetFeed.event(members.count == 1 ? "tick" : "change", .object(members))
    }

    /// The event for readers while Redis cannot be asked.
    package static func trouble(_ words: String, atMilliseconds: Int64) -> String {
        event("trouble", ["at": .number(atMilliseconds), "words": .text(words)])
    }

    /// An event of text/event-stream (HTML Living Standard, 9.2.6).
    private static func event(_ name: String, _ data: JSONValue) -> String { "event: \(name)\ndata: \(data.text)\n\n" }

    private static func change(from old: [FleetRow], to new: [FleetRow], isOrdered: Bool) -> JSONValue? {
        let before = Dictionary(old.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        let after = Set(new.map(\.key))
        let set = new.filter { before[$0.key] != $0.value }
        let gone = old.filter { !after.contains($0.key) }.map(\.key)
        let moved = isOrdered && old.map(\.key) != new.map(\.key)
        guard !set.isEmpty || !gone.isEmpty || moved else { return nil }
        var members: [JSONValue.Member] = []
        if !set.isEmpty { members.append(JSONValue.Member("set", .array(set.map(\.value)))) }
        if !gone.isEmpty { members.append(JSONValue.Member("gone", .texts(gone))) }
        if moved { members.append(JSONValue.Member("order", .texts(new.map(\.key)))) }
        return .object(members)
    }

    static func head(_ view: FleetView, _ facts: AdminFacts, _ redisMilliseconds: Double) -> [JSONValue.Member] {
        let (reasons, pools, tenants) = (view.reasons, view.poolCounts, view.tenantCounts)
        let slots = FleetJSON.slotsTotal(view)
        let value: JSONValue = [
            "fleet": .text(facts.fleet), "process": .text(facts.process), "role": .text(facts.role),
            "version": .text(facts.version),
            "redisMs": .decimal((redisMilliseconds * 10).rounded() / 10),
            "recovering": .flag(view.head.isRecovering), "policy": .text(view.policy.rawValue),
            "maxQueue": .number(view.queueMax), "paused": .texts(view.pauses),
            "waiting": .number(view.head.waiting + view.aside), "oldestAt": .optional(view.head.oldestMilliseconds),
            "slots": FleetJSON.slots(slots),
            "reasons": .object(
                Place.Reason.allCases.map { JSONValue.Member($0.rawValue, .number(reasons[$0] ?? 0)) }),
            "grantsPerSecond": .decimal(facts.grantsPerSecond), "refusedShare": .decimal(facts.refusedShare),
            "waitP50": facts.waitP50.map { .decimal($0) } ?? .null,
            "waitP99": facts.waitP99.map { .decimal($0) } ?? .null, "refusedBy": .text(facts.refusedBy),
            "gateways": .array(
                view.gateways.map {
                    [
                        "id": .text($0.id), "waiting": .number($0.waiters), "aside": .number($0.aside),
                        "suspended": .text($0.suspension),
                    ]
                }),
            "totals": [
                "pools": .number(pools.count), "tenants": .number(tenants.count),
                "workers": .number(view.workers.count), "waiters": .number(view.head.waiting),
            ],
        ]
        guard case .object(let members) = value else { return [] }
        return members
    }
}

extension Happening {
    fileprivate var json: JSONValue {
        [
            "at": .number(atMilliseconds), "kind": .text(kind), "code": .text(code), "tenant": .text(tenant),
            "words": .text(words),
        ]
    }
}
