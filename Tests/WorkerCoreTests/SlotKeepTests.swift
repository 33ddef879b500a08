import QueueCore
import Testing

@testable import WorkerCore

private let lease = LeaseID(waiter: WaiterID(high: 1, low: 1), attempt: 1)
private let other = LeaseID(waiter: WaiterID(high: 2, low: 2), attempt: 1)
private let t5 = Token(epoch: 7, number: 5)
private let t6 = Token(epoch: 7, number: 6)

/// A slot whose lease outlasts its client's connection.
@Suite struct SlotKeepTests {
    /// Served on its first connection, to be kept.
    private func serving() -> Slot {
        var slot = Slot()
        _ = slot.sidecarReady()
        #expect(slot.presented(lease, t5) == .begin)
        #expect(slot.acceptCommitted(t5, keeps: true) == .wait)
        #expect(slot.sidecarConnected(t5) == .prove)
        return slot
    }

    private func kept() -> Slot {
        var slot = serving()
        let vacated = slot.sessionEnded(t5)
        #expect(vacated?.verdict == .keep && vacated?.farewell == .close && vacated?.sidecar == .keep)
        #expect(vacated?.ready == nil && vacated?.attach == 1)
        #expect(slot.state == .kept(lease, t5))
        return slot
    }

    /// Offered to its second connection.
    private func attaching() -> Slot {
        var slot = kept()
        #expect(slot.presented(lease, t5, attach: 2) == .begin)
        return slot
    }

    @Test func itIsKeptForItsClientAndOfferedAgain() {
        var slot = attaching()
        #expect(slot.acceptCommitted(t5, attach: 1) == .wait, "a late answer to the first connection")
        #expect(slot.sidecarConnected(t5, attach: 2) == .wait)
        #expect(slot.acceptCommitted(t5, attach: 2, keeps: true) == .prove)
        #expect(slot.row(0) == SlotRow(slot: 0, state: .leased, lease: lease, token: t5, attach: 2))
        #expect(slot.sessionEnded(t5, attach: 1) == nil, "the end of the first connection comes late")
        #expect(slot.gatewayClosed(t5, attach: 2)?.verdict == .keep)
        #expect(slot.row(0) == SlotRow(slot: 0, state: .kept, lease: lease, token: t5, attach: 2))
        #expect(slot.lease == lease)
    }

    @Test func noConnectionIsTakenTwice() {
        var slot = kept()
        #expect(slot.presented(lease, t5) == .drop)
        #expect(slot.presented(lease, t5, attach: 2) == .begin)
        #expect(slot.presented(lease, t5, attach: 2) == .drop)
        #expect(slot.presented(lease, t5, attach: 3) == .reject(.occupied, token: t5, slotFree: false))
        #expect(slot.presented(lease, t5, attach: 3) == .drop)
        #expect(slot.presented(other, t5) == .reject(.stale, token: t5, slotFree: false))
        #expect(slot.presented(other, t6) == .reject(.occupied, token: t6, slotFree: false))
    }

    @Test func whatItsSidecarEndedIsNotKept() {
        var slot = serving()
        let vacated = slot.sessionEnded(t5, isDropped: false)
        #expect(vacated?.verdict == .release && vacated?.sidecar == .replace)
        #expect(slot.state == .recycling)
    }

    @Test func whatNobodyAskedToKeepIsReleased() {
        var slot = serving()
        _ = slot.sessionEnded(t5)
        _ = slot.presented(lease, t5, attach: 2)
        _ = slot.sidecarConnected(t5, attach: 2)
        #expect(slot.acceptCommitted(t5, attach: 2) == .prove)
        #expect(slot.sessionEnded(t5, attach: 2)?.verdict == .release)
    }

    @Test func aConnectionThatComesToNothingLeavesItKept() {
        var first = attaching()
        let failed = first.acceptFailed(t5, attach: 2)
        #expect(failed?.verdict == .reject(.failed) && failed?.attach == 2 && failed?.sidecar == .keep)
        #expect(failed?.ready == nil && first.state == .kept(lease, t5))
        var second = attaching()
        #expect(second.gatewayClosed(t5, attach: 2)?.verdict == .reject(.gone))
        #expect(second.state == .kept(lease, t5))
        #expect(second.presented(lease, t5, attach: 3) == .begin)
    }

    @Test func aLeaseThatIsOverIsNotKept() {
        var slot = attaching()
        let vacated = slot.acceptEnded(t5, attach: 2)
        #expect(vacated?.verdict == Slot.Vacated.Verdict.none && vacated?.sidecar == .replace)
        #expect(vacated?.farewell == .reject(.failed) && slot.state == .recycling)
        #expect(slot.sidecarReady() == t5)
    }

    @Test func aSidecarThatFailsEndsIt() {
        var lost = kept()
        let gone = lost.sidecarLost(isOut: false)
        #expect(gone?.verdict == .release && gone?.farewell == .close && gone?.sidecar == .keep)
        #expect(lost.state == .recycling)
        var unreachable = attaching()
        let condemned = unreachable.sidecarUnreachable(t5, attach: 2)
        #expect(condemned?.verdict == .release && condemned?.sidecar == .condemn)
        #expect(condemned?.farewell == .reject(.failed) && unreachable.state == .recycling)
        var both = attaching()
        #expect(both.sidecarLost(isOut: true)?.verdict == .release)
        #expect(both.state == .out)
    }

    @Test func itEndsByOrder() {
        var slot = kept()
        #expect(slot.closeOrdered(other) == nil)
        let closed = slot.closeOrdered(lease)
        #expect(closed?.verdict == .release && closed?.sidecar == .replace && slot.state == .recycling)
        var dialed = attaching()
        let ended = dialed.closeOrdered(lease)
        #expect(ended?.verdict == .release && ended?.farewell == .reject(.failed) && ended?.sidecar == .replace)
    }

    @Test func aDrainLeavesItUntilItEnds() {
        var slot = kept()
        #expect(slot.drain() == false)
        #expect(slot.state == .kept(lease, t5))
        #expect(slot.presented(lease, t5, attach: 2) == .begin)
        #expect(slot.acceptFailed(t5, attach: 2)?.sidecar == .keep)
        #expect(slot.state == .kept(lease, t5))
        #expect(slot.closeOrdered(lease)?.sidecar == .stop)
        #expect(slot.state == .draining)
    }

    /// A borrowed lease: its first dial failed, nobody was served, and the slot is free meanwhile.
    @Test func aFreeSlotTakesTheNextConnectionOfALeaseItNeverServed() {
        var slot = Slot()
        _ = slot.sidecarReady()
        #expect(slot.presented(lease, t5) == .begin)
        #expect(slot.acceptFailed(t5)?.ready == t5)
        #expect(slot.presented(lease, t5) == .drop)
        #expect(slot.presented(lease, t5, attach: 2) == .begin)
        #expect(slot.sidecarUnreachable(t5, attach: 2)?.verdict == .reject(.failed))
    }
}
