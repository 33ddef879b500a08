import Testing

@testable import WorkerCore

private typealias Effect = SidecarSupervisor.Effect

/// A supervisor in each of its states at time 1,000.
private enum Start: CaseIterable {
    case stopped, starting, ready, busy, leaving, succeeding, condemned, halting, backoff, out

    static let now: UInt64 = 1_000

    var supervisor: SidecarSupervisor {
        var s = SidecarSupervisor()
        if self == .stopped { return s }
        #expect(s.start(now: Start.now) == Effect(.start))
        switch self {
        case .stopped, .starting: return s
        case .backoff:
            #expect(s.exited(now: Start.now) == Effect(.none, .lost(isOut: false)))
            return s
        case .out:
            for _ in 1..<SidecarSupervisor.failuresMax {
                _ = s.exited(now: Start.now)
                s = s.launchedAgain()
            }
            #expect(s.exited(now: Start.now) == Effect(.none, .lost(isOut: true)))
            return s
        case .ready, .busy, .leaving, .succeeding, .condemned, .halting: break
        }
        #expect(s.announced(now: Start.now) == Effect(.none, .ready))
        switch self {
        case .busy: s.sessionBegan()
        case .leaving:
            s.sessionBegan()
            #expect(s.replace(hungUp: true, now: Start.now) == .nothing)
        case .succeeding: #expect(s.replace(hungUp: false, now: Start.now) == Effect(.terminate))
        case .condemned: #expect(s.condemn(now: Start.now) == Effect(.terminate))
        case .halting: #expect(s.stop(now: Start.now) == Effect(.terminate))
        default: break
        }
        return s
    }
}

extension SidecarSupervisor {
    /// From backoff on to starting, as if the backoff were over.
    fileprivate func launchedAgain() -> SidecarSupervisor {
        var s = self
        if let wakeAt { #expect(s.timePassed(now: wakeAt) == Effect(.start)) }
        return s
    }
}

@Suite struct SidecarSupervisorTests {
    @Test(arguments: Start.allCases) private func start(start: Start) {
        var s = start.supervisor
        #expect(s.start(now: 1_000) == (start == .stopped ? Effect(.start) : .nothing))
        #expect(s.state == (start == .stopped ? .starting(deadline: 31_000, isTrial: false) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func announced(start: Start) {
        var s = start.supervisor
        #expect(s.announced(now: 1_500) == (start == .starting ? Effect(.none, .ready) : .nothing))
        #expect(s.state == (start == .starting ? .ready(since: 1_500) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func sessionBegan(start: Start) {
        var s = start.supervisor
        s.sessionBegan()
        #expect(s.state == (start == .ready ? .busy : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func replace(start: Start) {
        var s = start.supervisor
        let hasProcess = start == .ready || start == .busy
        #expect(s.replace(hungUp: false, now: 2_000) == (hasProcess ? Effect(.terminate) : .nothing))
        #expect(s.state == (hasProcess ? .stopping(.successor, killAt: 4_000) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func replaceAfterItHungUp(start: Start) {
        var s = start.supervisor
        let hasProcess = start == .ready || start == .busy
        #expect(s.replace(hungUp: true, now: 2_000) == .nothing)
        #expect(s.state == (hasProcess ? .leaving(terminateAt: 2_020) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func condemn(start: Start) {
        var s = start.supervisor
        let hasProcess = start == .ready || start == .busy
        #expect(s.condemn(now: 2_000) == (hasProcess ? Effect(.terminate) : .nothing))
        #expect(
            s.state
                == (hasProcess
                    ? .stopping(.retry(isTrial: false, .unreachable), killAt: 4_000) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func crowded(start: Start) {
        var s = start.supervisor
        let effect = s.crowded(now: 2_000)
        switch start {
        case .starting, .ready, .busy, .leaving:
            #expect(effect == Effect(.kill))
            #expect(s.state == .stopping(.retry(isTrial: false, .crowded), killAt: nil))
            #expect(s.exited(now: 2_001) == Effect(.none, .lost(isOut: false)))
        case .succeeding, .condemned, .halting:
            #expect(effect == Effect(.kill))
            #expect(s.wakeAt == nil)
        case .stopped, .backoff, .out:
            #expect(effect == .nothing)
            #expect(s.state == start.supervisor.state)
        }
    }

    @Test(arguments: Start.allCases) private func stop(start: Start) {
        var s = start.supervisor
        let effect = s.stop(now: 2_000)
        switch start {
        case .stopped, .backoff, .out:
            #expect(effect == Effect(.none, .stopped))
            #expect(s.state == .stopped)
        case .starting, .ready, .busy, .leaving:
            #expect(effect == Effect(.terminate))
            #expect(s.state == .stopping(.nothing, killAt: 4_000))
        case .succeeding, .condemned, .halting:
            #expect(effect == .nothing)
            #expect(s.state == .stopping(.nothing, killAt: 3_000))
        }
    }

    @Test(arguments: Start.allCases) private func exited(start: Start) {
        var s = start.supervisor
        let effect = s.exited(now: 2_000)
        switch start {
        case .starting, .ready, .busy, .leaving, .condemned:
            #expect(effect == Effect(.none, .lost(isOut: false)))
            #expect(s.state == .backoff(until: 2_100))
        case .succeeding:
            #expect(effect == Effect(.start))
            #expect(s.state == .starting(deadline: 32_000, isTrial: false))
        case .halting:
            #expect(effect == Effect(.none, .stopped))
            #expect(s.state == .stopped)
        case .stopped, .backoff, .out:
            #expect(effect == .nothing)
            #expect(s.state == start.supervisor.state)
        }
    }

    @Test(arguments: Start.allCases) private func timePassed(start: Start) {
        var s = start.supervisor
        guard let wakeAt = s.wakeAt else {
            #expect(s.timePassed(now: .max) == .nothing)
            return
        }
        #expect(s.timePassed(now: wakeAt - 1) == .nothing)
        #expect(s.state == start.supervisor.state)
        let effect = s.timePassed(now: wakeAt)
        switch start {
        case .starting:
            #expect(effect == Effect(.terminate))
            #expect(s.state == .stopping(.retry(isTrial: false, .silent), killAt: wakeAt + 2_000))
        case .leaving:
            #expect(effect == Effect(.terminate))
            #expect(s.state == .stopping(.successor, killAt: wakeAt + 2_000))
        case .succeeding, .condemned, .halting:
            #expect(effect == Effect(.kill))
            #expect(s.wakeAt == nil)
        case .backoff:
            #expect(effect == Effect(.start))
            #expect(s.state == .starting(deadline: wakeAt + 30_000, isTrial: false))
        case .out:
            #expect(effect == Effect(.start))
            #expect(s.state == .starting(deadline: wakeAt + 30_000, isTrial: true))
        case .stopped, .ready, .busy: Issue.record("no time is due")
        }
    }

    @Test func backoffDoublesUpToItsMaximumAndAServedSessionResetsIt() {
        var s = SidecarSupervisor()
        _ = s.start(now: 0)
        var now: UInt64 = 0
        var backoffs: [UInt64] = []
        for _ in 0..<11 {
            now += 20_000
            _ = s.exited(now: now)
            backoffs.append(s.wakeAt! - now)
            now = s.wakeAt!
            #expect(s.timePassed(now: now) == Effect(.start))
        }
        #expect(backoffs == [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
        _ = s.announced(now: now)
        s.sessionBegan()
        _ = s.replace(hungUp: false, now: now)
        #expect(s.exited(now: now) == Effect(.start))
        now += 20_000
        _ = s.exited(now: now)
        #expect(s.wakeAt == now + 100)
    }

    @Test func fiveFailuresInAMinuteAreOutAndFourAreNot() {
        for gap in [UInt64(15_000), 15_001] {
            var s = SidecarSupervisor()
            _ = s.start(now: 0)
            for index in 0..<5 {
                let effect = s.exited(now: UInt64(index) * gap)
                #expect(effect == Effect(.none, .lost(isOut: index == 4 && gap == 15_000)))
                s = s.launchedAgain()
            }
        }
    }

    @Test func aTrialThatFailsIsOutAgainAndOneThatStartsIsBack() {
        var s = Start.out.supervisor
        let trial = s.wakeAt!
        _ = s.timePassed(now: trial)
        #expect(s.exited(now: trial + 1) == Effect(.none, .lost(isOut: true)))
        #expect(s.state == .out(until: trial + 30_001))
        _ = s.timePassed(now: trial + 30_001)
        #expect(s.timePassed(now: trial + 60_001) == Effect(.terminate))
        #expect(s.exited(now: trial + 60_002) == Effect(.none, .lost(isOut: true)))
        _ = s.timePassed(now: s.wakeAt!)
        #expect(s.announced(now: trial + 100_000) == Effect(.none, .ready))
    }

    /// Whatever happens in whatever order: one process at most, and one is wanted again in the end.
    @Test(arguments: 0..<100) func randomEvents(seed: Int) {
        var s = SidecarSupervisor()
        var now: UInt64 = 0
        var processes = 0
        var seed = UInt64(seed) &* 2_862_933_555_777_941_757 &+ 3_037_000_493
        func perform(_ effect: Effect) {
            if effect.order == .start { processes += 1 }
            if effect.order == .terminate || effect.order == .kill { #expect(processes == 1) }
            #expect(processes <= 1)
        }
        for _ in 0..<500 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            now += (seed >> 40) % 3_000
            switch (seed >> 33) % 9 {
            case 0: perform(s.start(now: now))
            case 1: perform(s.announced(now: now))
            case 2: s.sessionBegan()
            case 3: perform(s.replace(hungUp: seed % 3 == 0, now: now))
            case 4 where processes == 1:
                processes = 0
                perform(s.exited(now: now))
            case 5: perform(s.condemn(now: now))
            case 6 where seed % 5 == 0: perform(s.stop(now: now))
            case 7: perform(s.crowded(now: now))
            default: perform(s.timePassed(now: now))
            }
        }
        // Let time pass, and processes that were told to end, end.
        for _ in 0..<10 {
            if s.state == .stopped { perform(s.start(now: now)) }
            if case .starting = s.state { perform(s.announced(now: now)) }
            if case .stopping = s.state {
                processes = 0
                perform(s.exited(now: now))
            } else if let wakeAt = s.wakeAt {
                now = wakeAt
                perform(s.timePassed(now: now))
            }
        }
        #expect(processes == 1)
    }
}
