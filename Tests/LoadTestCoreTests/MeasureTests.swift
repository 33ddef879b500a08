import Testing

@testable import LoadTestCore

/// Tests of the sums, checks and indexes of a run. Times are microseconds.
@Suite struct MeasureTests {
    private func book(slots: Int, caps: [Int?]) -> SessionBook {
        SessionBook(slots: slots, caps: caps, orderMicroseconds: 10, now: 0)
    }

    private func wait(_ session: Int, of tenant: Int, at now: Int, in book: inout SessionBook) {
        book.arrived(tenant, now: now)
        book.sent(session, of: tenant, now: now)
    }

    @Test func waitingIsIntegratedOverTime() {
        var one = book(slots: 1, caps: [nil])
        wait(1, of: 0, at: 0, in: &one)
        wait(2, of: 0, at: 100, in: &one)
        one.opened(1, of: 0, now: 300)
        one.left(2, of: 0, now: 1_000)
        #expect(one.waitingMicroseconds == 300 + 900 && one.waiting == 0 && one.inUse == 1)
        one.released(0, wasServed: true, now: 1_500)
        #expect(one.tenants[0].slotMicroseconds == 1_200 && one.tenants[0].served == 1)
    }

    @Test func anEarlierClientThatStillWaitsIsOvertaken() {
        var one = book(slots: 4, caps: [nil, nil])
        for session in 1...4 { wait(session, of: 0, at: session * 100, in: &one) }
        wait(5, of: 0, at: 405, in: &one)
        wait(9, of: 1, at: 1_000, in: &one)
        one.opened(9, of: 1, now: 2_000)  // another tenant's
        #expect(one.overtaken == 0)
        one.opened(3, of: 0, now: 2_000)
        #expect(one.overtaken == 1)
        one.left(1, of: 0, now: 2_100)
        one.opened(2, of: 0, now: 2_200)
        one.opened(5, of: 0, now: 2_300)  // sent 5 µs after the fourth
        one.opened(4, of: 0, now: 2_300)
        #expect(one.overtaken == 1)
    }

    @Test func aClientThatIsSentAgainStandsWhereItWasSentLast() {
        var one = book(slots: 4, caps: [nil])
        for session in 1...3 { wait(session, of: 0, at: session * 100, in: &one) }
        one.sent(1, of: 0, now: 400)
        one.opened(2, of: 0, now: 500)
        #expect(one.overtaken == 0)
        one.opened(1, of: 0, now: 600)
        #expect(one.overtaken == 1)
    }

    /// Two of four slots in use while the first tenant waits at its cap: nothing is idle. A second tenant below its cap
    /// could use one slot more.
    @Test func onlySlotsThatAWaitingClientMayHaveAreUsable() {
        var one = book(slots: 4, caps: [2, 1])
        for session in 1...3 { wait(session, of: 0, at: 0, in: &one) }
        one.opened(1, of: 0, now: 0)
        one.opened(2, of: 0, now: 0)
        one.tick(now: 100_000)
        one.tick(now: 200_000)
        #expect(one.usableMicroseconds == 200_000 && one.usedMicroseconds == 200_000)
        wait(4, of: 1, at: 200_000, in: &one)
        one.tick(now: 300_000)
        one.tick(now: 400_000)
        #expect(one.usableMicroseconds == 700_000 && one.usedMicroseconds == 600_000)
        #expect(one.tenants[0].backloggedMicroseconds == 400_000 && one.tenants[1].backloggedMicroseconds == 200_000)
    }

    @Test func aHandshakeIsNoWait() {
        var one = book(slots: 1, caps: [nil])
        one.tick(now: 20_000)
        wait(1, of: 0, at: 39_000, in: &one)
        one.tick(now: 40_000)
        one.opened(1, of: 0, now: 41_000)
        one.tick(now: 60_000)
        #expect(one.usableMicroseconds == 0)
    }

    @Test func jainsIndex() {
        #expect(Fairness.index([1, 1, 1, 1]) == 1)
        #expect(Fairness.index([1, 0, 0, 0]) == 0.25)
        #expect(Fairness.index([Double]()) == nil && Fairness.index([0.0]) == nil)
    }

    private let scenario = try? ScenarioReader.read(
        Array("question: Why?\nslots: 2\narrivals: { burst: 2 }".utf8), name: "t", file: "t.yaml")

    private func checks(_ fill: (inout RunRecorder) -> Void, until end: Int) throws -> RunChecks {
        var recorder = RunRecorder(scenario: try #require(scenario), now: 0)
        fill(&recorder)
        return RunChecks(recorder.figures(now: end, isCut: false))
    }

    private func serve(
        _ session: Int, due: Int, from start: Int, opened: Int, to end: Int, in recorder: inout RunRecorder
    ) {
        recorder.arrived(0, due: due, now: start)
        recorder.sent(session, of: 0, now: start)
        recorder.opened(session, of: 0, waited: opened - due, now: opened)
        recorder.released(0, wasServed: true, now: end)
        recorder.ended(.served)
    }

    @Test func aRunThatKeepsLittlesLawIsValid() throws {
        let found = try checks({ serve(1, due: 0, from: 0, opened: 400_000, to: 900_000, in: &$0) }, until: 1_000_000)
        #expect(found.void.isEmpty && found.clientsWaiting == 0.4 && found.arrivalsTimesWait == 0.4)
    }

    /// The client should have arrived at 0, but the generator was busy until 300 ms.
    @Test func aLateGeneratorBreaksLittlesLaw() throws {
        let found = try checks(
            { serve(1, due: 0, from: 300_000, opened: 400_000, to: 900_000, in: &$0) }, until: 1_000_000)
        #expect(found.void.count == 1 && found.void[0].hasPrefix("Little's law: 0.1 clients"))
    }

    @Test func idleSlotsMakeARunVoid() throws {
        let found = try checks(
            {
                $0.arrived(0, due: 0, now: 0)
                $0.sent(1, of: 0, now: 0)
                for time in 1...10 { $0.tick(now: time * 100_000) }
                $0.opened(1, of: 0, waited: 1_000_000, now: 1_000_000)
            }, until: 1_000_000)
        #expect(found.workConservation == 0)
        #expect(found.void.count == 1 && found.void[0].hasPrefix("work conservation: 0.0 %"))
    }

    @Test func moreSessionsThanSlotsMakeARunVoid() throws {
        let found = try checks(
            { recorder in
                for session in 1...3 {
                    recorder.arrived(0, due: 0, now: 0)
                    recorder.sent(session, of: 0, now: 0)
                    recorder.opened(session, of: 0, waited: 0, now: 0)
                }
            }, until: 1_000_000)
        #expect(found.void == ["3 sessions at once, but the scenario has 2 slots: give the real number with --slots"])
    }

    @Test func latenciesHaveTheirPercentiles() {
        var times = Latencies()
        for value in 1...1_000 { times.record(value * 1_000) }
        let found = times.summary
        #expect(found.count == 1_000 && found.mean == 500.5)
        #expect(abs(found.p50 - 500) < 1 && abs(found.p99 - 990) < 1 && abs(found.max - 1_000) < 1)
        #expect(times.curve.last?.share == 1)
        #expect(Latencies().summary.max == 0)
    }
}
