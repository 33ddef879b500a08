import Testing

@testable import WorkerCore

private typealias Effect = SidecarSupervisor.Effect

/// A supervisor in each of its states at time 1,000.
private enum Start: CaseIterable {
    case stopped, queued, starting, proving, ready, probing, busy, leaving, succeeding, condemned, halting, backoff, out

    static let now: UInt64 = 1_000

    var supervisor: SidecarSupervisor {
        var s = SidecarSupervisor()
        if self == .stopped { return s }
        #expect(s.start(now: Start.now) == Effect(.queue))
        if self == .queued { return s }
        #expect(s.admitted(now: Start.now) == Effect(.start))
        switch self {
        case .stopped, .queued, .starting: return s
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
        case .proving, .ready, .probing, .busy, .leaving, .succeeding, .condemned, .halting: break
        }
        #expect(s.announced(now: Start.now) == Effect(.probe))
        if self == .proving { return s }
        #expect(s.probed(passed: true, now: Start.now) == Effect(.none, .ready))
        switch self {
        case .probing: #expect(s.timePassed(now: s.wakeAt!) == Effect(.probe))
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
        if let wakeAt {
            #expect(s.timePassed(now: wakeAt) == Effect(.queue))
            #expect(s.admitted(now: wakeAt) == Effect(.start))
        }
        return s
    }
}

@Suite struct SidecarSupervisorTests {
    @Test(arguments: Start.allCases) private func start(start: Start) {
        var s = start.supervisor
        #expect(s.start(now: 1_000) == (start == .stopped ? Effect(.queue) : .nothing))
        #expect(s.state == (start == .stopped ? .queued(isTrial: false) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func admitted(start: Start) {
        var s = start.supervisor
        #expect(s.admitted(now: 1_500) == (start == .queued ? Effect(.start) : .nothing))
        #expect(s.state == (start == .queued ? .starting(deadline: 31_500, isTrial: false) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func announced(start: Start) {
        var s = start.supervisor
        #expect(s.announced(now: 1_500) == (start == .starting ? Effect(.probe) : .nothing))
        #expect(
            s.state
                == (start == .starting
                    ? .proving(deadline: 31_000, isTrial: false, retryAt: nil) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func probed(start: Start) {
        var (passed, failed) = (start.supervisor, start.supervisor)
        let effects = (passed.probed(passed: true, now: 12_000), failed.probed(passed: false, now: 12_000))
        switch start {
        case .proving:
            #expect(effects == (Effect(.none, .ready), .nothing))
            #expect(passed.state == .ready(since: 12_000, .due(at: 22_000, failures: 0)))
            #expect(failed.state == .proving(deadline: 31_000, isTrial: false, retryAt: 12_050))
            #expect(failed.timePassed(now: 12_050) == Effect(.probe))
        case .probing:
            #expect(effects == (.nothing, .nothing))
            #expect(passed.state == .ready(since: 1_000, .due(at: 22_000, failures: 0)))
            #expect(failed.state == .ready(since: 1_000, .due(at: 13_000, failures: 1)))
        default:
            #expect(effects == (.nothing, .nothing))
            #expect(passed.state == start.supervisor.state && failed.state == start.supervisor.state)
        }
    }

    @Test func threeProbesInARowThatFailAreAFailure() {
        var s = Start.ready.supervisor
        for isLast in [false, false, true] {
            let now = s.wakeAt!
            #expect(s.timePassed(now: now) == Effect(.probe))
            let effect = s.probed(passed: false, now: now + 1_000)
            #expect(effect == (isLast ? Effect(.terminate, .lost(isOut: false)) : .nothing))
        }
        #expect(s.exited(now: 20_000) == Effect(.none, .lost(isOut: false)))
    }

    @Test func aSidecarThatAnnouncesAndAnswersNoProbeHasFailedAtItsDeadline() {
        var s = Start.proving.supervisor
        for now in stride(from: UInt64(1_000), to: 31_000, by: 1_000) {
            #expect(s.probed(passed: false, now: now) == .nothing)
            #expect(s.timePassed(now: s.wakeAt!) == Effect(.probe))
        }
        #expect(s.timePassed(now: 31_000) == Effect(.terminate))
        #expect(s.state == .stopping(.retry(isTrial: false, .unreachable), killAt: 33_000))
    }

    @Test(arguments: Start.allCases) private func sessionsOver(start: Start) {
        var s = start.supervisor
        s.sessionsOver(now: 5_000)
        #expect(
            s.state
                == (start == .busy ? .ready(since: 1_000, .due(at: 15_000, failures: 0)) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func sessionBegan(start: Start) {
        var s = start.supervisor
        s.sessionBegan()
        let isReady = start == .ready || start == .probing
        #expect(s.state == (isReady ? .busy(since: 1_000) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func replace(start: Start) {
        var s = start.supervisor
        let hasProcess = start == .ready || start == .probing || start == .busy
        #expect(s.replace(hungUp: false, now: 2_000) == (hasProcess ? Effect(.terminate) : .nothing))
        #expect(s.state == (hasProcess ? .stopping(.successor, killAt: 4_000) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func replaceAfterItHungUp(start: Start) {
        var s = start.supervisor
        let hasProcess = start == .ready || start == .probing || start == .busy
        #expect(s.replace(hungUp: true, now: 2_000) == .nothing)
        #expect(s.state == (hasProcess ? .leaving(terminateAt: 2_020) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func condemn(start: Start) {
        var s = start.supervisor
        let hasProcess = start == .ready || start == .probing || start == .busy
        #expect(s.condemn(now: 2_000) == (hasProcess ? Effect(.terminate) : .nothing))
        #expect(
            s.state
                == (hasProcess
                    ? .stopping(.retry(isTrial: false, .unreachable), killAt: 4_000) : start.supervisor.state))
    }

    @Test(arguments: Start.allCases) private func exceeded(start: Start) {
        var s = start.supervisor
        let effect = s.exceeded(.crowded, now: 2_000)
        switch start {
        case .starting, .proving, .ready, .probing, .busy, .leaving:
            let isServing = start != .starting && start != .proving
            #expect(effect == (isServing ? Effect(.kill, .lost(isOut: false)) : Effect(.kill)))
            #expect(s.state == .stopping(.retry(isTrial: false, .crowded), killAt: nil))
            #expect(s.exited(now: 2_001) == Effect(.none, .lost(isOut: false)))
        case .succeeding, .condemned, .halting:
            #expect(effect == Effect(.kill))
            #expect(s.wakeAt == nil)
        case .stopped, .queued, .backoff, .out:
            #expect(effect == .nothing)
            #expect(s.state == start.supervisor.state)
        }
    }

    @Test(arguments: Start.allCases) private func stop(start: Start) {
        var s = start.supervisor
        let effect = s.stop(now: 2_000)
        switch start {
        case .stopped, .queued, .backoff, .out:
            #expect(effect == Effect(.none, .stopped))
            #expect(s.state == .stopped)
        case .starting, .proving, .ready, .probing, .busy, .leaving:
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
        case .starting, .proving, .ready, .probing, .busy, .leaving, .condemned:
            #expect(effect == Effect(.none, .lost(isOut: false)))
            #expect(s.state == .backoff(until: 2_100))
        case .succeeding:
            #expect(effect == Effect(.queue))
            #expect(s.state == .queued(isTrial: false))
        case .halting:
            #expect(effect == Effect(.none, .stopped))
            #expect(s.state == .stopped)
        case .stopped, .queued, .backoff, .out:
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
        case .proving:
            #expect(effect == Effect(.terminate))
            #expect(s.state == .stopping(.retry(isTrial: false, .unreachable), killAt: wakeAt + 2_000))
        case .ready:
            #expect(effect == Effect(.probe))
            #expect(s.state == .ready(since: 1_000, .underWay(failures: 0)))
        case .leaving:
            #expect(effect == Effect(.terminate))
            #expect(s.state == .stopping(.successor, killAt: wakeAt + 2_000))
        case .succeeding, .condemned, .halting:
            #expect(effect == Effect(.kill))
            #expect(s.wakeAt == nil)
        case .backoff:
            #expect(effect == Effect(.queue))
            #expect(s.state == .queued(isTrial: false))
        case .out:
            #expect(effect == Effect(.queue))
            #expect(s.state == .queued(isTrial: true))
        case .stopped, .queued, .probing, .busy: Issue.record("no time is due")
        }
    }

    @Test func backoffDoublesUpToItsMaximumAndAServedSessionResetsIt() {
        var s = SidecarSupervisor()
        _ = s.start(now: 0)
        _ = s.admitted(now: 0)
        var now: UInt64 = 0
        var backoffs: [UInt64] = []
        for _ in 0..<11 {
            now += 20_000
            _ = s.exited(now: now)
            backoffs.append(s.wakeAt! - now)
            now = s.wakeAt!
            s = s.launchedAgain()
        }
        #expect(backoffs == [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
        _ = s.announced(now: now)
        _ = s.probed(passed: true, now: now)
        s.sessionBegan()
        _ = s.replace(hungUp: false, now: now)
        #expect(s.exited(now: now) == Effect(.queue))
        _ = s.admitted(now: now)
        now += 20_000
        _ = s.exited(now: now)
        #expect(s.wakeAt == now + 100)
    }

    @Test func fiveFailuresInAMinuteAreOutAndFourAreNot() {
        for gap in [UInt64(15_000), 15_001] {
            var s = SidecarSupervisor()
            _ = s.start(now: 0)
            _ = s.admitted(now: 0)
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
        _ = s.admitted(now: trial)
        #expect(s.exited(now: trial + 1) == Effect(.none, .lost(isOut: true)))
        #expect(s.state == .out(until: trial + 30_001))
        _ = s.timePassed(now: trial + 30_001)
        _ = s.admitted(now: trial + 30_001)
        #expect(s.timePassed(now: trial + 60_001) == Effect(.terminate))
        #expect(s.exited(now: trial + 60_002) == Effect(.none, .lost(isOut: true)))
        _ = s.timePassed(now: s.wakeAt!)
        _ = s.admitted(now: trial + 100_000)
        _ = s.announced(now: trial + 100_000)
        #expect(s.probed(passed: true, now: trial + 100_000) == Effect(.none, .ready))
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
            switch (seed >> 33) % 12 {
            case 0: perform(s.start(now: now))
            case 1: perform(s.announced(now: now))
            case 2: s.sessionBegan()
            case 3: perform(s.replace(hungUp: seed % 3 == 0, now: now))
            case 4 where processes == 1:
                processes = 0
                perform(s.exited(now: now))
            case 5: perform(s.condemn(now: now))
            case 6 where seed % 5 == 0: perform(s.stop(now: now))
            case 7: perform(s.exceeded(.crowded, now: now))
            case 8: perform(s.admitted(now: now))
            case 9: perform(s.probed(passed: seed % 3 > 0, now: now))
            case 10: s.sessionsOver(now: now)
            default: perform(s.timePassed(now: now))
            }
        }
        // Let time pass, and processes that were told to end, end.
        for _ in 0..<10 {
            if s.state == .stopped { perform(s.start(now: now)) }
            if case .queued = s.state { perform(s.admitted(now: now)) }
            if case .starting = s.state { perform(s.announced(now: now)) }
            if case .proving = s.state { perform(s.probed(passed: true, now: now)) }
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
