import Testing
import WorkerCore

@Suite struct SeatTableTests {
    @Test func aDedicatedSlotSitsOnASidecarFromReadyToTheEndOfItsSession() {
        var seats = SeatTable(slots: 0..<2, seating: Seating())
        #expect(seats.start().started == [0, 1])
        #expect(seats.sidecar(of: 1) == nil && seats.awaited == 2)
        #expect(seats.ready(1).seated == [0])
        #expect(seats.ready(0).seated == [1])
        #expect(seats.begin(0) == 1)
        let end = seats.end(0)
        #expect(end.replaced == [1] && end.seated == [])
        #expect(seats.sidecar(of: 0) == nil)
        #expect(seats.ready(1).seated == [0], "the successor")
    }

    @Test func aSpareTakesTheSlotWhoseSidecarIsReplaced() {
        var seats = SeatTable(slots: 3..<4, seating: Seating(spares: 1), firstSidecar: 5, step: 10)
        #expect(seats.start().started == [5, 15])
        #expect(seats.ready(5).seated == [3])
        #expect(seats.ready(15) == .none)
        #expect(seats.begin(3) == 5)
        let end = seats.end(3)
        #expect(end.seated == [3] && end.replaced == [5])
        #expect(seats.sidecar(of: 3) == 15)
        #expect(seats.ready(5) == .none, "the next spare")
        #expect(seats.giveUpSpare().replaced == [5])
        #expect(seats.giveUpSpare() == .none)
    }

    @Test func aSharedSeatIsTakenAgainAtOnceUntilTheSidecarHasServedItsSessions() {
        var seats = SeatTable(slots: 0..<2, seating: Seating(mode: .shared(seats: 2, sessionsMax: 3)))
        #expect(seats.start().started == [0])
        #expect(seats.ready(0).seated == [0, 1])
        #expect(seats.begin(0) == 0 && seats.begin(1) == 0)
        let third = seats.end(0)
        #expect(third.seated == [0] && third.started == [1], "the last one it takes: a successor starts")
        #expect(seats.begin(0) == 0)
        #expect(seats.end(1) == .none, "no seat until the successor is ready")
        #expect(seats.ready(1).seated == [1])
        let last = seats.end(0)
        #expect(last.stopped == [0] && last.seated == [0])
        #expect(seats.sidecar(of: 0) == 1 && seats.sidecar(of: 1) == 1)
    }

    @Test func sidecarsThatStartedTogetherAreNotReplacedTogether() {
        let lives = (0..<20).map { seed in
            var seats = SeatTable(
                slots: 0..<1, seating: Seating(mode: .shared(seats: 1, sessionsMax: 50)), seed: UInt64(seed))
            _ = seats.start()
            _ = seats.ready(0)
            var sessions = 1
            while seats.begin(0) == 0, seats.end(0).seated == [0] { sessions += 1 }
            return sessions
        }
        #expect(lives.allSatisfy { (45...50).contains($0) } && Set(lives).count > 3, "\(lives)")
    }

    /// A fleet at rest must not start successors for ever.
    @Test func seatsThatWereTakenAndNeverUsedStayOnASidecarThatHasServedItsSessions() {
        var seats = SeatTable(slots: 0..<2, seating: Seating(mode: .shared(seats: 2, sessionsMax: 2)))
        _ = seats.start()
        #expect(seats.ready(0).started == [1])
        #expect(seats.ready(1) == .none)
        #expect(seats.sidecar(of: 0) == 0 && seats.sidecar(of: 1) == 0)
    }

    @Test func slotsWithoutASessionLeaveASidecarThatIsTooOld() {
        var seats = SeatTable(slots: 0..<3, seating: Seating(mode: .shared(seats: 3, sessionsMax: 50)))
        _ = seats.start()
        _ = seats.ready(0)
        #expect(seats.begin(1) == 0)
        #expect(seats.retire(0).started == [1])
        #expect(seats.sidecar(of: 0) == 0, "nowhere to go yet")
        #expect(seats.ready(1) == .none)
        #expect(seats.sidecar(of: 0) == 1 && seats.sidecar(of: 1) == 0 && seats.sidecar(of: 2) == 1)
        let end = seats.end(1)
        #expect(end.stopped == [0] && end.seated == [1])
    }

    @Test func aDedicatedSidecarThatIsTooOldIsReplacedOnceNoSessionUsesIt() {
        var seats = SeatTable(slots: 0..<1, seating: Seating())
        _ = seats.start()
        _ = seats.ready(0)
        _ = seats.begin(0)
        #expect(seats.retire(0) == .none, "its session goes on, and it is replaced after that anyway")
        _ = seats.end(0)
        _ = seats.ready(0)
        let retired = seats.retire(0)
        #expect(retired.unseated == [0] && retired.replaced == [0])

        var spared = SeatTable(slots: 0..<1, seating: Seating(spares: 1))
        _ = spared.start()
        _ = spared.ready(0)
        _ = spared.ready(1)
        let moved = spared.retire(0)
        #expect(moved.unseated == [] && moved.replaced == [0] && spared.sidecar(of: 0) == 1)
    }

    @Test func aLostSidecarHasNoSlotAndASpareTakesThem() {
        var seats = SeatTable(slots: 0..<2, seating: Seating(spares: 1))
        _ = seats.start()
        for sidecar in 0..<3 { _ = seats.ready(sidecar) }
        _ = seats.begin(0)
        let lost = seats.lost(0, isOut: false)
        #expect(lost.unseated == [0] && lost.seated == [0] && seats.sidecar(of: 0) == 2)
        #expect(seats.lost(1, isOut: false).unseated == [1])
        #expect(seats.end(0) == .none, "the session ended with its sidecar")
    }

    @Test func aSlotIsOutIfNoSidecarComesForIt() {
        var seats = SeatTable(slots: 0..<2, seating: Seating(spares: 1))
        _ = seats.start()
        #expect(seats.lost(0, isOut: true).out == [], "two others may come")
        #expect(seats.lost(1, isOut: true).out == [1])
        #expect(seats.lost(2, isOut: true).out == [0, 1])
        #expect(seats.ready(1).seated == [0])
    }

    @Test func aCondemnedSidecarThatOthersUseRetires() {
        var seats = SeatTable(slots: 0..<2, seating: Seating(mode: .shared(seats: 2, sessionsMax: 50)))
        _ = seats.start()
        _ = seats.ready(0)
        _ = seats.begin(0)
        _ = seats.begin(1)
        let first = seats.condemn(0)
        #expect(first.condemned == [] && first.started == [1])
        #expect(seats.condemn(1).stopped == [0])

        var single = SeatTable(slots: 0..<1, seating: Seating())
        _ = single.start()
        _ = single.ready(0)
        _ = single.begin(0)
        #expect(single.condemn(0).condemned == [0])
        #expect(single.condemn(0) == .none)
    }

    @Test func anOfferThatCameToNothingLeavesTheSeatAsItWas() {
        var seats = SeatTable(slots: 0..<1, seating: Seating())
        _ = seats.start()
        _ = seats.ready(0)
        _ = seats.begin(0)
        #expect(seats.undo(0) == .none && seats.seat(of: 0) == .taken(sidecar: 0))
        #expect(seats.undo(0) == .none)
    }

    @Test func closedSlotsTakeNoSeatAndSidecarsEndWithTheirLastSession() {
        var seats = SeatTable(slots: 0..<2, seating: Seating(mode: .shared(seats: 2, sessionsMax: 50), spares: 1))
        _ = seats.start()
        _ = seats.ready(0)
        _ = seats.begin(0)
        #expect(seats.close(1).stopped == [1])
        #expect(seats.end(0) == .none)
        #expect(seats.close(0).stopped == [0])
        #expect(seats.ready(0) == .none)
    }
}
