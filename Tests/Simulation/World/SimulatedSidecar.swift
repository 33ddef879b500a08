import WorkerCore

/// One slot's sidecar, as `Sidecar` drives it: the shipped `SidecarSupervisor` over a process of simulated time.
final class SimulatedSidecar {
    /// How a sidecar behaves while the fault lasts.
    struct Illness {
        /// It ends before it says where it listens.
        var failsToStart = false
        /// It does not take its client's connection.
        var refusesClients = false
        /// Takes so long for a connection, in milliseconds; nil: a few.
        var connects: Int64?
    }

    private let process: SimulatedProcess
    private let chance: (ClosedRange<Int64>) -> Int64
    private let onReport: (SidecarSupervisor.Report) -> Void
    private var supervisor = SidecarSupervisor()
    private var timer: ProcessTimer?
    private var timerAt: UInt64?
    /// Starts so far: events of an earlier process are told apart by it.
    private var starts = 0
    private var isRunning = false
    private(set) var listens = false
    var illness = Illness()

    init(
        _ process: SimulatedProcess, chance: @escaping (ClosedRange<Int64>) -> Int64,
        onReport: @escaping (SidecarSupervisor.Report) -> Void
    ) {
        self.process = process
        self.chance = chance
        self.onReport = onReport
    }

    var isStopped: Bool { supervisor.state == .stopped }

    private var now: UInt64 { process.now }

    func start() { perform(supervisor.start(now: now)) }
    func sessionBegan() { supervisor.sessionBegan() }
    func replace(hungUp: Bool) { perform(supervisor.replace(hungUp: hungUp, now: now)) }
    func condemn() { perform(supervisor.condemn(now: now)) }
    func stop() { perform(supervisor.stop(now: now)) }

    /// It ends by itself.
    func crash() {
        guard isRunning else { return }
        exited()
    }

    private func perform(_ effect: SidecarSupervisor.Effect) {
        switch effect.order {
        case .none: break
        case .start: launch()
        case .terminate:
            listens = false
            exit(after: chance(milliseconds(2)...milliseconds(40)))
        case .kill: exit(after: 0)
        }
        setTimer()
        switch effect.report {
        case .none: return
        case .lost: listens = false
        case .ready, .stopped: break
        }
        onReport(effect.report)
    }

    private func launch() {
        starts += 1
        isRunning = true
        let start = starts
        if illness.failsToStart { return exit(after: chance(milliseconds(5)...milliseconds(50))) }
        _ = process.schedule(after: chance(milliseconds(20)...milliseconds(300))) { [weak self] in
            guard let self, starts == start, isRunning else { return }
            listens = true
            let effect = supervisor.announced(now: now)
            if effect.report != .ready { listens = false }
            perform(effect)
        }
    }

    private func exit(after delay: Int64) {
        let start = starts
        _ = process.schedule(after: delay) { [weak self] in
            if let self, starts == start, isRunning { exited() }
        }
    }

    private func exited() {
        isRunning = false
        listens = false
        perform(supervisor.exited(now: now))
    }

    private func setTimer() {
        guard timerAt != supervisor.wakeAt || timer == nil else { return }
        timer?.cancel()
        timer = nil
        timerAt = supervisor.wakeAt
        guard let timerAt else { return }
        let delay = timerAt > now ? Int64(timerAt - now) : 0
        timer = process.schedule(after: milliseconds(delay)) { [weak self] in
            guard let self else { return }
            timer = nil
            perform(supervisor.timePassed(now: now))
            setTimer()
        }
    }
}
