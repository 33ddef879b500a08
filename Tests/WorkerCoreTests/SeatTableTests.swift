import Testing
import WorkerCore

@Suite struct SeatTableTests {
    @Test func aSlotSitsOnItsOwnSidecarFromReadyToTheEndOfItsSession() {
        var seats = SeatTable(slots: 2)
        #expect(Array(seats.sidecars) == [0, 1])
        #expect(seats.sidecar(of: 1) == nil)
        #expect(seats.ready(1) == 1)
        #expect(seats.sidecar(of: 0) == nil && seats.sidecar(of: 1) == 1)
        #expect(seats.giveBack(1) == 1)
        #expect(seats.sidecar(of: 1) == nil)
        #expect(seats.ready(1) == 1, "the successor")
    }

    @Test func aLostSidecarHasNoSlot() {
        var seats = SeatTable(slots: 2)
        #expect(seats.ready(0) == 0 && seats.ready(1) == 1)
        seats.lost(0)
        #expect(seats.sidecar(of: 0) == nil && seats.sidecar(of: 1) == 1)
        #expect(seats.giveBack(0) == nil)
        seats.lost(0)
        #expect(seats.slot(of: 0) == 0)
    }

    @Test func aSeatIsTakenOnce() {
        var seats = SeatTable(slots: 1)
        #expect(seats.ready(0) == 0)
        #expect(seats.ready(0) == nil)
    }

    @Test func aClosedSlotTakesNoSeat() {
        var seats = SeatTable(slots: 2)
        #expect(seats.ready(0) == 0)
        #expect(seats.close(0) == [0])
        #expect(seats.sidecar(of: 0) == nil)
        #expect(seats.ready(0) == nil)
        #expect(seats.giveBack(0) == nil)
        #expect(seats.close(1) == [1])
    }
}
