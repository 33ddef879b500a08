import Testing

@testable import SlotRun

@Suite struct SlotRunTests {
    private let line = HeldSlotLine(session: "s", lease: "board-1")
    private let drain = HoldAnswer.refused(
        GatewayRefusal(status: 503, body: Array(#"{"error":{"code":"shutting_down","message":"bye"}}"#.utf8)))
    private let taken = HoldAnswer.refused(
        GatewayRefusal(status: 409, body: Array(#"{"error":{"code":"alias_taken","message":"taken"}}"#.utf8)))

    private func running() -> SlotRun {
        var run = SlotRun(now: 0, waitMilliseconds: 10_000)
        _ = run.answered(.held(line), now: 1)
        return run
    }

    @Test func theCommandRunsWithItsSlotAndItsCodeIsOurs() {
        var run = SlotRun(now: 5, waitMilliseconds: 10_000)
        #expect(run.begin(now: 5) == .ask(waitMilliseconds: 10_000))
        #expect(run.answered(.held(line), now: 6) == .start(line) && run.state == .running)
        #expect(run.commandEnded(.code(7)) == .end(code: 7, words: nil) && run.state == .over)
        var killed = running()
        #expect(killed.commandEnded(.signal(9)) == .end(code: 137, words: nil))
        var missing = running()
        #expect(missing.startFailed(code: 127, "no such") == .end(code: 127, words: "no such"))
    }

    @Test func aGatewayThatGoesAwayIsAskedAgainForTheRestOfTheWait() {
        var run = SlotRun(now: 0, waitMilliseconds: 10_000)
        #expect(run.answered(drain, now: 1_000) == .pause(words: "bye"))
        #expect(run.pauseOver(now: 2_000) == .ask(waitMilliseconds: 8_000))
        #expect(run.disconnected("reset", wasReached: true, now: 3_000) == .pause(words: "reset"))
        #expect(run.pauseOver(now: 4_000) == .ask(waitMilliseconds: 6_000))
        #expect(run.disconnected("refused", wasReached: false, now: 5_000) == .pause(words: "refused"))
        #expect(run.pauseOver(now: 6_000) == .ask(waitMilliseconds: 4_000))
        #expect(run.answered(taken, now: 7_000) == .pause(words: "taken"), "the old waiter is not known to be gone")
        #expect(run.pauseOver(now: 8_000) == .ask(waitMilliseconds: 2_000))
        #expect(run.answered(drain, now: 10_000) == .end(code: 125, words: "bye"), "the wait is over")
    }

    @Test func aFirstRequestThatReachesNobodyAndAnAliasThatIsTakenEndIt() {
        var unreachable = SlotRun(now: 0, waitMilliseconds: 10_000)
        #expect(unreachable.disconnected("refused", wasReached: false, now: 1) == .end(code: 125, words: "refused"))
        var alias = SlotRun(now: 0, waitMilliseconds: 10_000)
        #expect(alias.answered(taken, now: 1) == .end(code: 125, words: "taken"))
    }

    @Test func aLostSlotEndsTheCommand() {
        var run = running()
        #expect(run.answered(.ended("drained"), now: 2) == .terminate(words: "the slot is lost: drained"))
        #expect(run.disconnected("closed", wasReached: true, now: 3) == .none, "it is said once")
        #expect(run.graceOver() == .kill)
        #expect(run.commandEnded(.code(0)) == .end(code: 125, words: nil), "the command had no slot at its end")
        var other = running()
        #expect(other.disconnected("reset", wasReached: true, now: 3) == .terminate(words: "the slot is lost: reset"))
        var twice = running()
        #expect(
            twice.answered(.held(line), now: 3) == .terminate(words: "the slot is lost: the gateway answered twice"))
        #expect(running().graceOver() == .none)
    }

    @Test func signalsEndAWaitAndGoToACommand() {
        var waiting = SlotRun(now: 0, waitMilliseconds: 10_000)
        #expect(waiting.signalled(2, reachesCommand: true) == .end(code: 130, words: nil))
        #expect(waiting.answered(.held(line), now: 1) == .none, "it is over")
        var run = running()
        #expect(run.signalled(2, reachesCommand: true) == .none)
        #expect(run.signalled(15, reachesCommand: false) == .signal(15) && run.state == .running)
    }
}
