import QueueCore
import Testing

@testable import GatewayCore

/// A waiter in a state, and how it got there.
enum Situation: String, CaseIterable, Sendable {
    case idle, enqueuing, waiting, granted, dialing, dialingNext, rejecting, rejectingNext, active, finished, expiring
    case ended, reserving, reservingNext, lent

    private var borrows: Bool { [.reserving, .reservingNext, .lent].contains(self) }

    var waiter: Waiter {
        var waiter = Waiter(
            id: waiterID(1), purpose: borrows ? .borrow : .connect, now: 0, deadline: 1_000, noWorkerWait: 400)
        let path: [Situation: [Event]] = [
            .idle: [], .enqueuing: [.begin], .waiting: [.begin, .queued], .granted: [.begin, .queued, .grant],
            .dialing: [.begin, .queued, .grant, .dialBegan],
            .dialingNext: [.begin, .queued, .grant, .dialBegan, .newerGrant],
            .rejecting: [.begin, .queued, .grant, .dialBegan, .unreachable],
            .rejectingNext: [.begin, .queued, .grant, .dialBegan, .unreachable, .newerGrant],
            .active: [.begin, .queued, .grant, .dialBegan, .proved],
            .finished: [.begin, .queued, .grant, .dialBegan, .proved, .sessionEnded],
            .expiring: [.begin, .queued, .deadline],
            .ended: [.begin, .queued, .left], .reserving: [.begin, .queued, .grant],
            .reservingNext: [.begin, .queued, .grant, .newerGrant], .lent: [.begin, .queued, .grant, .reserved],
        ]
        for event in path[self]! { _ = event.happen(to: &waiter) }
        return waiter
    }
}

enum Event: String, CaseIterable, Sendable {
    case begin, beginWithoutStore, queued, grantedInReply, refused, grant, newerGrant, foreignGrant, anew, storeAway
    case dialBegan, proved, unreachable, local, workerRejected, requeued, nobodyElse, leaseOver, left, broke, deadline
    case check, explained, unserved, unexplained, drainTime, sessionEnded, endedOutside, goneInReply, goneByVerdict
    case reserved, reserveEnded

    func happen(to waiter: inout Waiter, now: UInt64 = 10) -> Waiter.Action {
        let fresh = waiterID(2)
        return switch self {
        case .begin: waiter.begin(storeAvailable: true)
        case .beginWithoutStore: waiter.begin(storeAvailable: false)
        case .queued: waiter.enqueueReplied(.queued(ticket: 77))
        case .grantedInReply: waiter.enqueueReplied(.granted(ticket: 77, QueueCore.Grant.sample(1)))
        case .refused: waiter.enqueueReplied(.refused(.queueFull(max: 9)))
        case .grant: waiter.granted(.sample(1))
        case .newerGrant: waiter.granted(.sample(2))
        case .foreignGrant: waiter.granted(.sample(9, of: waiterID(7)))
        case .anew: waiter.registeredAnew(freshID: fresh)
        case .storeAway: waiter.storeWentAway()
        case .dialBegan: waiter.dialBegan()
        case .proved: waiter.proved()
        case .unreachable: waiter.dialFailed(.unreachable)
        case .local: waiter.dialFailed(.local)
        case .workerRejected: waiter.dialFailed(.rejected(.failed))
        case .requeued: waiter.verdictReplied(.requeued, now: now, freshID: fresh)
        case .nobodyElse: waiter.verdictReplied(.nobodyElse, now: now, freshID: fresh)
        case .leaseOver: waiter.verdictReplied(.ended, now: now, freshID: fresh)
        case .left: waiter.clientLeft()
        case .broke: waiter.clientBroke()
        case .deadline: waiter.deadlinePassed(now: 1_000)
        case .check: waiter.deadlinePassed(now: 400)
        case .explained: waiter.explained(Obstacle(.capacity), of: waiterID(1))
        case .unserved: waiter.explained(Obstacle(.noWorker), of: waiterID(1))
        case .unexplained: waiter.explained(nil, of: waiterID(1))
        case .drainTime: waiter.drainTimePassed()
        case .sessionEnded: waiter.sessionEnded()
        case .endedOutside: waiter.endedFromOutside(.request)
        case .goneInReply: waiter.enqueueReplied(.gone(.request))
        case .goneByVerdict: waiter.verdictReplied(.gone(.request), now: now, freshID: fresh)
        case .reserved: waiter.reserveReplied(.reserved(milliseconds: 30_000))
        case .reserveEnded: waiter.reserveReplied(.ended)
        }
    }
}

func waiterID(_ number: UInt64) -> WaiterID { WaiterID(high: number, low: number) }

extension QueueCore.Grant {
    static func sample(
        _ attempt: Int, of waiter: WaiterID = waiterID(1), worker: UInt64? = nil, token: Int64? = nil
    ) -> QueueCore.Grant {
        QueueCore.Grant(
            lease: LeaseID(waiter: waiter, attempt: attempt),
            worker: ProcessID(node: "w", generation: worker ?? UInt64(attempt))!, slot: 0, address: "127.0.0.1:1",
            pool: "A|||raw", token: Token(epoch: 1, number: token ?? Int64(attempt)))
    }
}

extension Waiter.State {
    var short: String {
        switch self {
        case .idle: "idle"
        case .enqueuing: "enqueuing"
        case .waiting: "waiting"
        case .dialing(let dial, let next):
            "\(dial.state.short)(\(dial.grant.lease.attempt)\(next.map { ",\($0.lease.attempt)" } ?? ""))"
        case .reserving(let grant, let next):
            "reserving(\(grant.lease.attempt)\(next.map { ",\($0.lease.attempt)" } ?? ""))"
        case .lent(let lease): "lent(\(lease.attempt))"
        case .active(let lease): "active(\(lease.attempt))"
        case .finished(let lease): "finished(\(lease.attempt))"
        case .expiring: "expiring"
        case .ended(.timedOut(let obstacle)): "ended(\(obstacle?.reason.rawValue ?? "timedOut"))"
        case .ended(.notQueued): "ended(notQueued)"
        case .ended(.gone): "ended(gone)"
        case .ended(let end): "ended(\(end))"
        }
    }
}

extension Dial.State {
    var short: String {
        switch self {
        case .granted: "granted"
        case .dialing: "dialing"
        case .proved: "proved"
        case .rejected: "rejecting"
        }
    }
}

extension Waiter.Action {
    /// What is done, empty for nothing.
    var short: String {
        var parts: [String] = []
        switch queue {
        case .none: break
        case .enqueue: parts.append("enqueue")
        case .cancel(let lease, let dialed):
            parts.append("cancel(\(lease.map { "\($0.attempt)" } ?? "any")\(dialed ? ",dialed" : ""))")
        case .expire(_, .unserved): parts.append("expireIfUnserved")
        case .expire(let lease, let expiry):
            parts.append("\(expiry == .moves ? "move" : "expire")(\(lease.map { "\($0.attempt)" } ?? "any"))")
        case .reject(let lease, let reason, let final):
            parts.append("reject(\(lease.attempt),\(reason.rawValue)\(final ? ",final" : ""))")
        case .reserve(let lease): parts.append("reserve(\(lease.attempt))")
        }
        switch client {
        case .none: break
        case .dial(let grant): parts.append("dial(\(grant.lease.attempt))")
        case .relay: parts.append("relay")
        case .lend(let grant, _): parts.append("lend(\(grant.lease.attempt))")
        case .end: parts.append("end")
        }
        return parts.joined(separator: " ")
    }
}

@Suite struct WaiterTableTests {
    @Test(arguments: Situation.allCases)
    func everyEvent(_ situation: Situation) {
        for event in Event.allCases {
            var waiter = situation.waiter
            let before = waiter.state
            let action = event.happen(to: &waiter).short
            var text = action
            if waiter.state != before { text += (text.isEmpty ? "" : " ") + "→ " + waiter.state.short }
            #expect(text == waiterTable[situation]?[event] ?? "", "\(situation), \(event)")
        }
    }
}
