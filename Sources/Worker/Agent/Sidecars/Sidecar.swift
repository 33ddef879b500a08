import Queue
import QueueCore
import WorkerCore

/// Shared by all sidecars of a worker.
package struct SidecarContext {
    let clock: any RuntimeClock
    let host: any SidecarHost
    let events: any SlotEvents
    let leaveMilliseconds: UInt64
    let startTimeoutMilliseconds: UInt64

    package init(
        clock: any RuntimeClock, host: any SidecarHost, events: any SlotEvents,
        leaveMilliseconds: UInt64 = SidecarSupervisor.leaveMilliseconds,
        startTimeoutMilliseconds: UInt64 = SidecarSupervisor.startTimeoutMilliseconds
    ) {
        self.clock = clock
        self.host = host
        self.events = events
        self.leaveMilliseconds = leaveMilliseconds
        self.startTimeoutMilliseconds = startTimeoutMilliseconds
    }
}

/// One slot's sidecar: performs what its supervisor decides.
final class Sidecar {
    let slot: Int
    private let pool: Pool
    private let around: SidecarContext
    private let onReport: (SidecarSupervisor.Report) -> Void
    private var supervisor: SidecarSupervisor
    private var run: (any SidecarRun)?
    private var timer: (any ScheduledCall)?
    private var timerAt: UInt64?
    /// Starts so far. The number is in the work folder's name, and tells events of earlier starts from those of this
    /// one.
    private var starts = 0
    /// The endpoint that it announced last.
    private(set) var endpoint: SidecarEndpoint?
    /// Why it failed; nil while it is ready.
    private(set) var trouble: Trouble?
    /// Why the URL that this start printed is not served.
    private var misannounced: String?

    /// Why the sidecar is not ready.
    struct Trouble {
        let words: String
        /// It did not announce an endpoint.
        let isAtStart: Bool
    }

    init(
        slot: Int, pool: Pool, _ around: SidecarContext, onReport: @escaping (SidecarSupervisor.Report) -> Void
    ) {
        self.slot = slot
        self.pool = pool
        self.around = around
        self.onReport = onReport
        supervisor = SidecarSupervisor(
            leaveMilliseconds: around.leaveMilliseconds, startTimeoutMilliseconds: around.startTimeoutMilliseconds)
    }

    /// Its process, while there is one.
    var pid: Int32? { run?.pid }
    var isStopped: Bool { supervisor.state == .stopped }

    private var now: UInt64 { around.clock.now }

    func start() { perform(supervisor.start(now: now)) }
    func sessionBegan() { supervisor.sessionBegan() }
    func replace(hungUp: Bool) { perform(supervisor.replace(hungUp: hungUp, now: now)) }
    func condemn() { perform(supervisor.condemn(now: now)) }
    func stop() { perform(supervisor.stop(now: now)) }

    private func perform(_ effect: SidecarSupervisor.Effect) {
        switch effect.order {
        case .none: break
        case .start: launch()
        case .terminate: run?.terminate()
        case .kill: run?.kill()
        }
        setTimer()
        switch effect.report {
        case .none: return
        case .ready:
            trouble = nil
            emit(.ready)
        case .lost(let isOut): if isOut { emit(.out) }
        case .stopped: emit(.stopped)
        }
        onReport(effect.report)
    }

    private func launch() {
        starts += 1
        let start = starts
        misannounced = nil
        do throws(WorkerFailure) {
            run = try around.host.start(SidecarStart(slot: slot, pool: pool, number: start)) { [weak self] event in
                if let self, self.starts == start { self.happened(event) }
            }
            emit(.starting)
        } catch {
            emit(.startFailed(error))
            trouble = Trouble(words: error.description, isAtStart: true)
            // Not from inside the call that asked for the start, because its caller has not finished.
            around.clock.afterThisTurn { [weak self] in
                if let self, self.starts == start { self.perform(self.supervisor.exited(now: self.now)) }
            }
        }
    }

    private func happened(_ event: SidecarRunEvent) {
        switch event {
        case .announced(let endpoint):
            self.endpoint = endpoint
            perform(supervisor.announced(now: now))
        case .misannounced(let why):
            misannounced = why
            emit(.misannounced(why))
        case .counted(let processes):
            counted(processes)
        case .exited(let ending):
            let failure = failure(ending)
            trouble = failure ?? trouble
            emit(.exited(ending, failure: failure?.words))
            run = nil
            perform(supervisor.exited(now: now))
        }
    }

    private func counted(_ count: Int) {
        guard count > ProcessCensus.processesMax else { return }
        emit(.crowded(processes: count))
        perform(supervisor.crowded(now: now))
    }

    // MARK: Words

    private func emit(_ event: SidecarEvent) {
        around.events.sidecar(of: slot, pool, pid: pid, event)
    }

    /// Why this end is a failure; nil for one that was wanted.
    private func failure(_ ending: SidecarEnding) -> Trouble? {
        let said = ending.words.best
        let exit = said.map { "\(ending.exit): \($0)" } ?? ending.exit
        switch supervisor.state {
        case .starting: return Trouble(words: exit, isAtStart: true)
        case .ready, .busy, .leaving: return Trouble(words: exit, isAtStart: false)
        case .stopping(.retry(_, .silent), _):
            let seconds = around.startTimeoutMilliseconds / 1_000
            let instead = misannounced ?? said.map { "it printed: \($0)" } ?? "it printed nothing"
            return Trouble(words: "no ws:// URL came in \(seconds) s; \(instead)", isAtStart: true)
        case .stopping(.retry(_, .unreachable), _):
            return Trouble(words: "it took no connection", isAtStart: false)
        case .stopping(.retry(_, .crowded), _):
            return Trouble(words: "it had more than \(ProcessCensus.processesMax) processes", isAtStart: false)
        case .stopping(.successor, _), .stopping(.nothing, _), .stopped, .backoff, .out: return nil
        }
    }

    private func setTimer() {
        guard timerAt != supervisor.wakeAt || timer == nil else { return }
        timer?.cancel()
        timer = nil
        timerAt = supervisor.wakeAt
        guard let timerAt else { return }
        timer = around.clock.call(after: timerAt > now ? timerAt - now : 0) { [weak self] in
            guard let self else { return }
            self.timer = nil
            self.perform(self.supervisor.timePassed(now: self.now))
            self.setTimer()
        }
    }
}
