import HTTPCore
import QueueCore

/// A row of the fleet, with the key that it has within its list.
struct FleetRow: Hashable, Sendable {
    let key: String
    let value: JSONValue
}

/// The fleet as JSON, for the API and the live page. Times are milliseconds since 1970, by Redis' clock, so that a row
/// changes only when something happens.
enum FleetJSON {
    static func pools(_ view: FleetView) -> [FleetRow] {
        view.poolCounts.map { pool in
            let parts =
                pool.pool.split(separator: "|", omittingEmptySubsequences: false).map(String.init) + ["", "", "", ""]
            return FleetRow(
                key: pool.pool,
                value: [
                    "pool": .text(pool.pool), "label": .text(parts[0]), "browser": .text(parts[1]),
                    "version": .text(parts[2]), "protocol": .text(parts[3]), "paused": .flag(pool.isPaused),
                    "slots": slots(pool.slots), "waiting": .number(pool.waiting),
                    "oldestAt": .optional(pool.oldestMilliseconds), "wanted": .number(pool.wanted),
                ])
        }
    }

    static func tenants(_ view: FleetView) -> [FleetRow] {
        view.tenantCounts.map { tenant in
            // The limit of a tenant without a cap is the fleet's.
            let cap = tenant.limits.cap >= TenantLimits.default.cap ? nil : Int64(tenant.limits.cap)
            return FleetRow(
                key: tenant.tenant,
                value: [
                    "tenant": .text(tenant.tenant), "configured": .flag(tenant.isConfigured),
                    "held": .number(tenant.held), "cap": .optional(cap), "waiting": .number(tenant.waiting),
                    "oldestAt": .optional(tenant.oldestMilliseconds),
                    "reason": tenant.reason.map { .text($0.rawValue) } ?? .null,
                    "sessions": .number(tenant.today.sessions), "refusals": .number(tenant.today.refusals),
                    "heldMs": .number(tenant.today.heldMilliseconds),
                ])
        }
    }

    static func workers(_ view: FleetView) -> [FleetRow] {
        view.workers.map { worker in
            let isLate = worker.isLate(at: view.head.atMilliseconds)
            return FleetRow(
                key: worker.id,
                value: [
                    "id": .text(worker.id), "address": .text(worker.address),
                    "state": .text(worker.state), "draining": .flag(worker.isDraining),
                    "trouble": .text(worker.trouble),
                    "lateAt": isLate
                        ? .number(worker.dueMilliseconds - Int64(QueueLimits.processTTLMilliseconds)) : .null,
                    "served": .number(worker.sessionsServed), "sessionsMax": .number(worker.sessionsMax),
                    "startedAt": .optional(worker.startedMilliseconds), "version": .text(worker.version),
                    "slots": .array(worker.slots.map(slot)),
                ])
        }
    }

    /// A slot of a worker. Without a session it has no run and no begin.
    private static func slot(_ slot: FleetView.Slot) -> JSONValue {
        let texts: [JSONValue] = [slot.state.rawValue, slot.pool, slot.lease, slot.tenant].map { .text($0) }
        return .array(slot.lease.isEmpty ? texts : texts + [.text(slot.run), .optional(slot.sinceMilliseconds)])
    }

    static func sessions(_ view: FleetView) -> [FleetRow] {
        view.workers.flatMap { worker in
            worker.slots.filter { !$0.lease.isEmpty }.map { slot in
                FleetRow(
                    key: slot.lease,
                    value: [
                        "id": .text(slot.lease), "tenant": .text(slot.tenant), "state": .text(slot.leaseState),
                        "pool": .text(slot.pool), "worker": .text(worker.id), "slot": .number(slot.number),
                        "waiter": .text(slot.waiter), "run": .text(slot.run),
                        "since": .optional(slot.sinceMilliseconds),
                    ])
            }
        }
    }

    /// - Parameter places: of the first waiters, by id; those without one have no number of waiters before them.
    static func line(_ view: FleetView, _ places: [String: Place]) -> [FleetRow] {
        view.line.map { waiter in
            let place = places[waiter.id]
            return FleetRow(
                key: waiter.id,
                value: [
                    "id": .text(waiter.id), "tenant": .text(waiter.tenant), "selector": .text(waiter.selector),
                    "since": .number(waiter.arrivedMilliseconds), "run": .text(waiter.run),
                    "gateway": .text(waiter.gateway), "ahead": .optional(place.map { Int64($0.ahead) }),
                    "reason": place?.reason.map { .text($0.rawValue) } ?? .null,
                    "estimateMs": .optional(place?.estimateMilliseconds.map { Int64($0) }),
                ])
        }
    }

    static func slots(_ slots: [SlotState: Int]) -> JSONValue {
        .object(SlotState.allCases.map { JSONValue.Member($0.rawValue, .number(slots[$0] ?? 0)) })
    }

    static func slotsTotal(_ view: FleetView) -> [SlotState: Int] {
        view.slots.reduce(into: [:]) { $0[$1.state, default: 0] += 1 }
    }

    static func list(_ name: String, _ rows: [FleetRow], at milliseconds: Int64) -> JSONValue {
        .object([JSONValue.Member("at", .number(milliseconds)), JSONValue.Member(name, .array(rows.map(\.value)))])
    }
}
