import HTTPCore
import QueueCore

extension FleetView {
    /// The fleet as one JSON object, for `berth status --json`.
    var statusJSON: String {
        let value: JSONValue = [
            "schema": Int64(head.schema).map { .number($0) } ?? .null, "epoch": .number(head.epoch),
            "holdOff": .flag(head.isRecovering), "graceMs": .number(head.graceMilliseconds),
            "policy": .text(policy.rawValue), "maxQueue": .number(queueMax), "waiting": .number(head.waiting),
            "aside": .number(aside),
            "oldestWaitMs": .number(head.oldestMilliseconds.map { max(0, head.atMilliseconds - $0) } ?? 0),
            "todo": .number(head.todo), "paused": .texts(pauses), "gateways": .array(gateways.map(json)),
            "workers": .array(workers.map(json)), "pools": .array(poolCounts.map(json)), "line": .array(line.map(json)),
        ]
        return value.text
    }

    private func json(_ gateway: Gateway) -> JSONValue {
        [
            "id": .text(gateway.id), "waiters": .number(gateway.waiters), "aside": .number(gateway.aside),
            "suspended": .text(gateway.suspension),
        ]
    }

    private func json(_ worker: Worker) -> JSONValue {
        [
            "id": .text(worker.id), "address": .text(worker.address), "state": .text(worker.state),
            "draining": .flag(worker.isDraining), "trouble": .text(worker.trouble),
            "slots": .array(
                worker.slots.map { slot in
                    [
                        "slot": .number(slot.number), "state": .text(slot.state.rawValue),
                        "lease": .text(slot.lease.isEmpty ? "-" : slot.lease), "pool": .text(slot.pool),
                    ]
                }),
        ]
    }

    private func json(_ pool: PoolCount) -> JSONValue {
        .object(
            [JSONValue.Member("pool", .text(pool.pool)), JSONValue.Member("paused", .flag(pool.isPaused))]
                + SlotState.allCases.map { JSONValue.Member($0.rawValue, .number(pool.slots[$0] ?? 0)) })
    }

    private func json(_ waiter: Waiter) -> JSONValue {
        [
            "waiter": .text(waiter.id), "tenant": .text(waiter.tenant), "selector": .text(waiter.selector),
            "ticket": .text(String(waiter.ticket)), "run": .text(waiter.run),
        ]
    }
}
