import EventLoop
import QueueCore
import WorkerCore

/// One slot's sidecar: performs what its supervisor decides.
final class Sidecar {
    /// What all sidecars of a worker share.
    struct Surroundings {
        let loop: Loop
        let program: SidecarProgram
        /// The worker's work folder; it exists.
        let folder: String
        /// The environment of sidecars, marks included.
        let environment: [String: String]
        let log: JSONLog
        var leaveMilliseconds = SidecarSupervisor.leaveMilliseconds
    }

    let slot: Int
    private let pool: Pool
    private let around: Surroundings
    private let onReport: (SidecarSupervisor.Report) -> Void
    private var supervisor: SidecarSupervisor
    private var process: SidecarProcess?
    private var timer: Timer?
    private var timerAt: UInt64?
    /// Starts so far: names the work folder, and tells events of an earlier process apart.
    private var starts = 0
    /// Where the fit sidecar listens.
    private(set) var endpoint: SidecarEndpoint?

    init(
        slot: Int, pool: Pool, _ around: Surroundings, onReport: @escaping (SidecarSupervisor.Report) -> Void
    ) {
        self.slot = slot
        self.pool = pool
        self.around = around
        self.onReport = onReport
        supervisor = SidecarSupervisor(leaveMilliseconds: around.leaveMilliseconds)
    }

    /// Its process, while there is one.
    var pid: Int32? { process?.pid }
    var isStopped: Bool { supervisor.state == .stopped }

    private var now: UInt64 { around.loop.now }

    func start() { perform(supervisor.start(now: now)) }
    func sessionBegan() { supervisor.sessionBegan() }
    func replace(hungUp: Bool) { perform(supervisor.replace(hungUp: hungUp, now: now)) }
    func condemn() { perform(supervisor.condemn(now: now)) }
    func stop() { perform(supervisor.stop(now: now)) }

    private func perform(_ effect: SidecarSupervisor.Effect) {
        switch effect.order {
        case .none: break
        case .start: launch()
        case .terminate:
            endpoint = nil
            process?.terminate()
        case .kill: process?.kill()
        }
        setTimer()
        switch effect.report {
        case .none: return
        case .ready: note(.info, "ready", "A sidecar listens")
        case .lost(let isOut):
            endpoint = nil
            if isOut { note(.error, "out", "A sidecar failed too often; its slot is out and tried again every 30 s") }
        case .stopped: note(.info, "stopped", "A sidecar stopped")
        }
        onReport(effect.report)
    }

    private func launch() {
        starts += 1
        let start = starts
        do throws(WorkerFailure) {
            process = try SidecarProcess(
                loop: around.loop, program: around.program, pool: pool,
                folder: "\(around.folder)/\(WorkFolderPath.name(slot: slot, start: start))",
                environment: around.environment
            ) { [weak self] event in
                if let self, self.starts == start { self.happened(event) }
            }
            note(.info, "starting", "A sidecar starts")
        } catch {
            note(.error, "failed", error.description)
            // Not from within the call that wanted the start: its owner has not finished.
            around.loop.afterThisTurn { [weak self] in
                if let self, self.starts == start { self.perform(self.supervisor.exited(now: self.now)) }
            }
        }
    }

    private func happened(_ event: SidecarProcess.Event) {
        switch event {
        case .announced(let endpoint):
            self.endpoint = endpoint
            let effect = supervisor.announced(now: now)
            if effect.report != .ready { self.endpoint = nil }
            perform(effect)
        case .exited(let how):
            let wasWanted = isWanted
            note(wasWanted ? .warning : .info, "exited", "A sidecar ended: \(how)")
            process = nil
            perform(supervisor.exited(now: now))
        }
    }

    /// Nobody told it to end.
    private var isWanted: Bool {
        switch supervisor.state {
        case .starting, .ready, .busy, .leaving: true
        case .stopped, .stopping, .backoff, .out: false
        }
    }

    private func setTimer() {
        guard timerAt != supervisor.wakeAt || timer == nil else { return }
        timer?.cancel()
        timer = nil
        timerAt = supervisor.wakeAt
        guard let timerAt else { return }
        timer = around.loop.schedule(after: timerAt > now ? timerAt - now : 0) { [weak self] in
            guard let self else { return }
            self.timer = nil
            self.perform(self.supervisor.timePassed(now: self.now))
            self.setTimer()
        }
    }

    private func note(_ level: JSONLog.Level, _ state: String, _ message: String) {
        around.log.log(
            level, "sidecar", message,
            [
                "slot": .number(slot), "pid": process.map { .number(Int($0.pid)) }, "state": .text(state),
                "pool": .text(pool.label.text),
            ])
    }
}
