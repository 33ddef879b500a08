import QueueCore
import Testing

@testable import WorkerCore

private let lease = LeaseID(waiter: WaiterID(high: 1, low: 1), attempt: 1)
private let other = LeaseID(waiter: WaiterID(high: 2, low: 2), attempt: 1)
private let t4 = Token(epoch: 7, number: 4)
private let t5 = Token(epoch: 7, number: 5)
private let t6 = Token(epoch: 7, number: 6)

/// A slot in each of its states; whoever holds it came with `t5`, and `t4` was told before.
private enum Start: CaseIterable {
    case free, offered, accepted, connected, occupied, recycling, draining, out

    var slot: Slot {
        var slot = Slot()
        _ = slot.recycleNoticed(t4)
        switch self {
        case .recycling: return slot
        case .draining:
            #expect(slot.drain() == true)
            return slot
        case .out:
            _ = slot.sidecarLost(isOut: true)
            return slot
        case .free, .offered, .accepted, .connected, .occupied: break
        }
        #expect(slot.sidecarReady() == t4)
        if self == .free { return slot }
        #expect(slot.presented(lease, t5) == .begin)
        if self == .accepted || self == .occupied { #expect(slot.acceptCommitted(t5) == .wait) }
        if self == .connected { #expect(slot.sidecarConnected(t5) == .wait) }
        if self == .occupied { #expect(slot.sidecarConnected(t5) == .prove) }
        return slot
    }

    var isOffer: Bool { self == .offered || self == .accepted || self == .connected }
}

private func vacated(
    _ verdict: Slot.Vacated.Verdict, _ farewell: Slot.Vacated.Farewell, _ sidecar: Slot.Vacated.Sidecar,
    ready: Token? = nil
) -> Slot.Vacated {
    Slot.Vacated(lease: lease, token: t5, verdict: verdict, farewell: farewell, sidecar: sidecar, ready: ready)
}

@Suite struct SlotTests {
    @Test(arguments: Start.allCases) private func presentedWithANewerToken(start: Start) {
        var slot = start.slot
        let answer = slot.presented(other, t6)
        switch start {
        case .free: #expect(answer == .begin)
        case .out: #expect(answer == .reject(.failed, token: t6, slotFree: false))
        default: #expect(answer == .reject(.occupied, token: t6, slotFree: false))
        }
        #expect(slot.lastToken == t6)
        #expect(slot.lease == (start == .free ? other : start.slot.lease))
    }

    @Test(arguments: Start.allCases) private func presentedWithATokenNotNewer(start: Start) {
        var slot = start.slot
        let answer = slot.presented(other, t4)
        #expect(answer == .reject(.stale, token: slot.lastToken, slotFree: start == .free))
        #expect(slot.state == start.slot.state)
        slot = start.slot
        #expect(
            slot.presented(other, slot.lastToken) == .reject(.stale, token: slot.lastToken, slotFree: start == .free))
    }

    @Test(arguments: [Start.offered, .accepted, .connected, .occupied])
    private func aCopyOfAGrantIsDropped(start: Start) {
        var slot = start.slot
        #expect(slot.presented(lease, t5) == .drop)
        #expect(slot.state == start.slot.state)
    }

    @Test func aCopyOfAnEndedGrantIsDropped() {
        var slot = Start.offered.slot
        _ = slot.gatewayClosed(t5)
        #expect(slot.presented(lease, t5) == .drop)
        #expect(slot.state == .free)
    }

    @Test(arguments: Start.allCases) private func acceptCommitted(start: Start) {
        var slot = start.slot
        #expect(slot.acceptCommitted(t5) == (start == .connected ? .prove : .wait))
        switch start {
        case .connected: #expect(slot.state == .occupied(lease, t5))
        case .offered: #expect(slot.row(0)?.state == .leased)
        default: #expect(slot.state == start.slot.state)
        }
    }

    @Test(arguments: Start.allCases) private func sidecarConnected(start: Start) {
        var slot = start.slot
        #expect(slot.sidecarConnected(t5) == (start == .accepted ? .prove : .wait))
        switch start {
        case .accepted: #expect(slot.state == .occupied(lease, t5))
        case .offered: #expect(slot.state == Start.connected.slot.state)
        default: #expect(slot.state == start.slot.state)
        }
    }

    @Test(arguments: Start.allCases) private func acceptEnded(start: Start) {
        var slot = start.slot
        let answer = slot.acceptEnded(t5)
        #expect(answer == (start.isOffer ? vacated(.none, .reject(.failed), .keep, ready: t5) : nil))
        #expect(slot.state == (start.isOffer ? .free : start.slot.state))
    }

    @Test(arguments: Start.allCases) private func acceptFailed(start: Start) {
        var slot = start.slot
        let answer = slot.acceptFailed(t5)
        #expect(answer == (start.isOffer ? vacated(.reject(.failed), .reject(.failed), .keep, ready: t5) : nil))
        #expect(slot.state == (start.isOffer ? .free : start.slot.state))
    }

    @Test(arguments: Start.allCases) private func sidecarUnreachable(start: Start) {
        var slot = start.slot
        let answer = slot.sidecarUnreachable(t5)
        #expect(answer == (start.isOffer ? vacated(.reject(.failed), .reject(.failed), .condemn) : nil))
        #expect(slot.state == (start.isOffer ? .recycling : start.slot.state))
    }

    @Test(arguments: Start.allCases) private func gatewayClosed(start: Start) {
        var slot = start.slot
        let answer = slot.gatewayClosed(t5)
        switch start {
        case .offered, .accepted, .connected:
            #expect(answer == vacated(.reject(.gone), .close, .keep, ready: t5))
            #expect(slot.state == .free)
        case .occupied:
            #expect(answer == vacated(.release, .close, .replace))
            #expect(slot.state == .recycling)
        default:
            #expect(answer == nil)
            #expect(slot.state == start.slot.state)
        }
    }

    @Test(arguments: Start.allCases) private func sessionEnded(start: Start) {
        var slot = start.slot
        let answer = slot.sessionEnded(t5)
        #expect(answer == (start == .occupied ? vacated(.release, .close, .replace) : nil))
        #expect(slot.state == (start == .occupied ? .recycling : start.slot.state))
    }

    @Test(arguments: Start.allCases) private func closeOrdered(start: Start) {
        var slot = start.slot
        #expect(slot.closeOrdered(other) == nil)
        let answer = slot.closeOrdered(lease)
        switch start {
        case .offered, .accepted, .connected:
            #expect(answer == vacated(.reject(.failed), .reject(.failed), .keep, ready: t5))
        case .occupied: #expect(answer == vacated(.release, .close, .replace))
        default: #expect(answer == nil)
        }
        #expect(slot.lease == nil)
    }

    @Test(arguments: Start.allCases) private func sidecarReady(start: Start) {
        var slot = start.slot
        let isNews = start == .recycling || start == .out
        #expect(slot.sidecarReady() == (isNews ? t4 : nil))
        #expect(slot.state == (isNews ? .free : start.slot.state))
    }

    @Test(arguments: Start.allCases, [false, true]) private func sidecarLost(start: Start, isOut: Bool) {
        var slot = start.slot
        let answer = slot.sidecarLost(isOut: isOut)
        switch start {
        case .offered, .accepted, .connected: #expect(answer == vacated(.reject(.failed), .reject(.failed), .keep))
        case .occupied: #expect(answer == vacated(.release, .flush, .keep))
        default: #expect(answer == nil)
        }
        switch start {
        case .draining: #expect(slot.state == .draining)
        case .out: #expect(slot.state == .out)
        default: #expect(slot.state == (isOut ? .out : .recycling))
        }
    }

    @Test(arguments: Start.allCases) private func recycleNoticed(start: Start) {
        var slot = start.slot
        #expect(slot.recycleNoticed(t6) == (start == .free ? t6 : nil))
        #expect(slot.lastToken == t6)
        #expect(slot.state == start.slot.state)
        // An old notice is answered with the newest token.
        #expect(slot.recycleNoticed(t4) == (start == .free ? t6 : nil))
    }

    @Test(arguments: Start.allCases) private func drain(start: Start) {
        var slot = start.slot
        let isHeld = start.isOffer || start == .occupied
        #expect(slot.drain() == (!isHeld && start != .draining))
        #expect(slot.isDraining)
        guard isHeld else {
            #expect(slot.state == .draining)
            return
        }
        #expect(slot.state == start.slot.state)
        let answer = slot.gatewayClosed(t5)
        #expect(answer?.sidecar == .stop)
        #expect(answer?.ready == nil)
        #expect(slot.state == .draining)
    }

    @Test(arguments: Start.allCases) private func wordsOfAnotherTokenChangeNothing(start: Start) {
        var slot = start.slot
        #expect(slot.acceptCommitted(t6) == .wait)
        #expect(slot.sidecarConnected(t6) == .wait)
        #expect(slot.acceptEnded(t6) == nil)
        #expect(slot.acceptFailed(t4) == nil)
        #expect(slot.sidecarUnreachable(t4) == nil)
        #expect(slot.gatewayClosed(t6) == nil)
        #expect(slot.sessionEnded(t4) == nil)
        #expect(slot.state == start.slot.state)
        #expect(slot.lastToken == start.slot.lastToken)
    }

    @Test(arguments: Start.allCases) private func row(start: Start) {
        let row = start.slot.row(3)
        #expect(row == nil || row?.slot == 3)
        switch start {
        case .free: #expect(row == SlotRow(slot: 3, state: .free, lease: nil, token: t4))
        case .offered, .connected: #expect(row == nil)
        case .accepted, .occupied: #expect(row == SlotRow(slot: 3, state: .leased, lease: lease, token: t5))
        case .recycling, .draining: #expect(row == SlotRow(slot: 3, state: .recycling, lease: nil, token: t4))
        case .out: #expect(row == SlotRow(slot: 3, state: .out, lease: nil, token: t4))
        }
    }

    @Test func aRejectedNewerGrantIsAnsweredByReadyWithItsToken() {
        var slot = Start.occupied.slot
        #expect(slot.presented(other, t6) == .reject(.occupied, token: t6, slotFree: false))
        #expect(slot.sessionEnded(t5)?.token == t5)
        #expect(slot.sidecarReady() == t6)
    }

    @Test func anEpochOutranksANumber() {
        var slot = Start.free.slot
        #expect(slot.presented(lease, Token(epoch: 8, number: 1)) == .begin)
        #expect(
            slot.presented(other, Token(epoch: 7, number: 99))
                == .reject(.stale, token: slot.lastToken, slotFree: false))
    }

    @Test func theLastTokenSurvivesOutAndBack() {
        var slot = Start.occupied.slot
        _ = slot.sidecarLost(isOut: true)
        #expect(slot.row(0) == SlotRow(slot: 0, state: .out, lease: nil, token: t5))
        #expect(slot.sidecarReady() == t5)
        #expect(slot.presented(other, t5) == .reject(.stale, token: t5, slotFree: true))
    }

    @Test(arguments: Start.allCases) private func firstByteOverdue(start: Start) {
        var slot = start.slot
        #expect(slot.firstByteOverdue(t6) == nil)
        #expect(slot.firstByteOverdue(t5, attach: 2) == nil)
        let answer = slot.firstByteOverdue(t5)
        #expect(answer == (start == .occupied ? vacated(.release, .close, .condemn) : nil))
        #expect(slot.state == (start == .occupied ? .recycling : start.slot.state))
        #expect(slot.firstByteOverdue(t5) == nil)
    }

    @Test func theFirstByteEndsTheClock() {
        var slot = Start.occupied.slot
        slot.sidecarAnswered(t4)
        slot.sidecarAnswered(t5, attach: 2)
        var silent = slot
        #expect(silent.firstByteOverdue(t5) != nil, "a word of another connection is no answer")
        slot.sidecarAnswered(t5)
        #expect(slot.firstByteOverdue(t5) == nil)
        #expect(slot.state == .occupied(lease, t5))
        #expect(slot.sessionEnded(t5) == vacated(.release, .close, .replace))
    }

    @Test func aDrainingSlotWhoseSidecarStaysSilentStops() {
        var slot = Start.occupied.slot
        _ = slot.drain()
        #expect(slot.firstByteOverdue(t5) == vacated(.release, .close, .stop))
        #expect(slot.state == .draining)
    }

    @Test func redisIsToldOnceOfAStaleGrant() {
        var slot = Start.free.slot
        #expect(slot.presented(other, t4) == .reject(.stale, token: t4, slotFree: true))
        #expect(slot.presented(other, t4) == .refuse(.stale))
        // A newer token is news for Redis again.
        #expect(slot.recycleNoticed(t5) == t5)
        #expect(slot.presented(other, t4) == .reject(.stale, token: t5, slotFree: true))
    }

    @Test func staleGrantsThatRedisIsToldOfAreBounded() {
        var slot = Start.free.slot
        for number in 1...(Slot.staleToldMax + 1) {
            let one = LeaseID(waiter: WaiterID(high: 9, low: UInt64(number)), attempt: 1)
            let isTold = number <= Slot.staleToldMax
            #expect(
                slot.presented(one, t4)
                    == (isTold ? .reject(.stale, token: t4, slotFree: true) : .refuse(.stale)))
        }
        #expect(slot.presented(other, t5) == .begin, "a newer grant is taken as ever")
    }
}
