import HTTPCore
import QueueCore

/// The answer of `GET /pressure`, in the shape that clients of browserless read.
package enum Pressure {
    /// - Parameters:
    ///   - cpu: percent of the machine; nil if it is not known.
    ///   - memory: percent of the machine.
    package static func answer(_ view: FleetView, _ facts: AdminFacts, cpu: Int?, memory: Int?) -> JSONValue {
        let slots = FleetJSON.slotsTotal(view)
        let running = slots[.leased] ?? 0
        let isAvailable = (slots[.free] ?? 0) > 0 && view.head.waiting == 0 && !view.head.isRecovering
        let reason = view.reasons.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }
        let pressure: JSONValue = [
            "date": .number(view.head.atMilliseconds),
            "reason": .text(isAvailable ? "" : reason?.key.rawValue ?? "full"),
            "message": .text(isAvailable ? "" : "New clients wait"),
            "running": .number(running), "recentlyRejected": .number(facts.refusedRecently),
            "queued": .number(view.head.waiting), "isAvailable": .flag(isAvailable),
            "maxConcurrent": .number(slots.values.reduce(0, +) - (slots[.out] ?? 0) - (slots[.draining] ?? 0)),
            "maxQueued": .number(view.queueMax), "cpu": cpu.map { .number($0) } ?? .null,
            "memory": memory.map { .number($0) } ?? .null,
        ]
        return ["pressure": pressure]
    }
}
