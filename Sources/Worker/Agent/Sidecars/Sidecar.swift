import Queue
import QueueCore
import WorkerCore

/// Shared by all sidecars of a worker.
package struct SidecarContext {
    let clock: any RuntimeClock
    let host: any SidecarHost
    let events: any SlotEvents
    /// Random: spreads restarts and ages, so that the sidecars of a fleet do not start together.
    let seed: UInt64
    let leaveMilliseconds: UInt64
    let startTimeoutMilliseconds: UInt64

    package init(
        clock: any RuntimeClock, host: any SidecarHost, events: any SlotEvents, seed: UInt64 = 0,
        leaveMilliseconds: UInt64 = SidecarSupervisor.leaveMilliseconds,
        startTimeoutMilliseconds: UInt64 = SidecarSupervisor.startTimeoutMilliseconds
    ) {
        self.clock = clock
        self.host = host
        self.events = events
        self.seed = seed
        self.leaveMilliseconds = leaveMilliseconds
        self.startTimeoutMilliseconds = startTimeoutMilliseconds
    }
}

/// One sidecar of a pool: performs what its supervisor decides.
final class Sidecar {
    let number: Int
    private let pool: Pool
    private let memoryBytesMax: UInt64?
    private let around: SidecarContext
    private let onReport: (SidecarSupervisor.Report) -> Void
    private let onQueued: () -> Void
    private let onWorn: () -> Void
    private var supervisor: SidecarSupervisor
    private var run: (any SidecarRun)?
    private var timer: (any ScheduledCall)?
    private var timerAt: UInt64?
    /// Starts so far. The number is in the work folder's name, and tells events of earlier starts from those of this
    /// one.
    private(set) var starts = 0
    private var isSpare = false
    /// This start became ready.
    private var wasReady = false
    /// This start has served a client.
    private var hasServed = false
    /// The memory of this start, once it was above `memoryBytesMax`.
    private var largeBytes: UInt64?
    /// This start is killed because of its memory.
    private(set) var isKilledAsLarge = false
    /// The endpoint that it announced last.
    private(set) var endpoint: SidecarEndpoint?
    /// Why it failed; nil while it is ready.
    private(set) var trouble: Trouble?
    /// Why the URL that this start printed is not served.
    private var misannounced: String?

    /// Why the sidecar is not ready.
    struct Trouble {
        let words: String
        /// It did not become ready.
        let isAtStart: Bool
    }

    /// - Parameters:
    ///   - onQueued: called when it may be admitted; may be called from inside other calls.
    ///   - onWorn: called when it has served clients and uses too much memory, again and again.
    init(
        _ number: Int, _ plan: PoolPlan, _ around: SidecarContext, onQueued: @escaping () -> Void,
        onWorn: @escaping () -> Void, onReport: @escaping (SidecarSupervisor.Report) -> Void
    ) {
        self.number = number
        pool = plan.pool
        memoryBytesMax = plan.memoryBytesMax
        self.around = around
        self.onQueued = onQueued
        self.onWorn = onWorn
        self.onReport = onReport
        supervisor = SidecarSupervisor(
            leaveMilliseconds: around.leaveMilliseconds, startTimeoutMilliseconds: around.startTimeoutMilliseconds,
            seed: around.seed &+ UInt64(number))
    }

    /// Its process, while there is one.
    var pid: Int32? { run?.pid }
    var isStopped: Bool { supervisor.state == .stopped }
    /// It waits for `admit`.
    var isQueued: Bool { if case .queued = supervisor.state { true } else { false } }
    /// It was admitted and is not ready yet.
    var isStarting: Bool {
        switch supervisor.state {
        case .starting, .proving: true
        default: false
        }
    }
    /// It is starting, and no slot waited for it.
    var isStartingAsSpare: Bool { isStarting && isSpare }

    private var now: UInt64 { around.clock.now }

    func start() { perform(supervisor.start(now: now)) }
    func replace(hungUp: Bool) { perform(supervisor.replace(hungUp: hungUp, now: now)) }
    func condemn() { perform(supervisor.condemn(now: now)) }
    func stop() { perform(supervisor.stop(now: now)) }

    func sessionBegan() {
        hasServed = true
        supervisor.sessionBegan()
    }

    /// It serves no client any more, and takes others.
    func sessionsOver() {
        supervisor.sessionsOver(now: now)
        setTimer()
    }

    /// It may start now.
    func admit(isSpare: Bool) {
        self.isSpare = isSpare
        perform(supervisor.admitted(now: now))
    }

    /// A slot waits for it now.
    func hasten() {
        isSpare = false
        run?.hasten()
    }

    private func perform(_ effect: SidecarSupervisor.Effect) {
        switch effect.order {
        case .none: break
        case .queue: onQueued()
        case .start: launch()
        case .probe: probe()
        case .terminate: run?.terminate()
        case .kill: run?.kill()
        }
        setTimer()
        switch effect.report {
        case .none: return
        case .ready:
            trouble = nil
            wasReady = true
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
        wasReady = false
        hasServed = false
        largeBytes = nil
        isKilledAsLarge = false
        do throws(WorkerFailure) {
            run = try around.host.start(
                SidecarStart(sidecar: number, pool: pool, number: start, isSpare: isSpare)
            ) { [weak self] event in
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

    private func probe() {
        let start = starts
        run?.probe { [weak self] passed in
            guard let self, self.starts == start else { return }
            if !passed { self.emit(.probeFailed) }
            self.perform(self.supervisor.probed(passed: passed, now: self.now))
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
        case .measured(let size):
            measured(size)
        case .exited(let ending):
            let failure = failure(ending)
            trouble = failure ?? trouble
            emit(.exited(ending, failure: failure?.words))
            run = nil
            perform(supervisor.exited(now: now))
        }
    }

    private func measured(_ size: SidecarSize) {
        if size.processes > ProcessCensus.processesMax {
            emit(.crowded(processes: size.processes))
            return perform(supervisor.exceeded(.crowded, now: now))
        }
        guard let most = memoryBytesMax else { return }
        switch MemoryLimit(bytes: size.memoryBytes, most: most) {
        case .kept:
            break
        case .exceeded:
            // A sidecar that is too large from its start would be replaced for ever.
            guard hasServed else { return }
            if largeBytes == nil { emit(.large(bytes: size.memoryBytes, most: most, isKilled: false)) }
            largeBytes = size.memoryBytes
            onWorn()
        case .exceededTwice:
            guard !isKilledAsLarge else { return }
            isKilledAsLarge = true
            largeBytes = size.memoryBytes
            emit(.large(bytes: size.memoryBytes, most: most, isKilled: true))
            perform(supervisor.exceeded(.large, now: now))
        }
    }

    // MARK: Words

    private func emit(_ event: SidecarEvent) {
        around.events.sidecar(number, of: pool, pid: pid, event)
    }

    /// Why this end is a failure; nil for one that was wanted.
    private func failure(_ ending: SidecarEnding) -> Trouble? {
        let said = ending.words.best
        let exit = said.map { "\(ending.exit): \($0)" } ?? ending.exit
        switch supervisor.state {
        case .starting, .proving, .ready, .busy, .leaving: return Trouble(words: exit, isAtStart: !wasReady)
        case .stopping(.retry(_, .silent), _):
            let seconds = around.startTimeoutMilliseconds / 1_000
            let instead = misannounced ?? said.map { "it printed: \($0)" } ?? "it printed nothing"
            return Trouble(words: "no ws:// URL came in \(seconds) s; \(instead)", isAtStart: true)
        case .stopping(.retry(_, .unreachable), _):
            return Trouble(words: "it took no connection, or did not answer", isAtStart: !wasReady)
        case .stopping(.retry(_, .crowded), _):
            return Trouble(words: "it had more than \(ProcessCensus.processesMax) processes", isAtStart: false)
        case .stopping(.retry(_, .large), _):
            let (bytes, most) = (ByteSize.words(largeBytes ?? 0), ByteSize.words(memoryBytesMax ?? 0))
            return Trouble(
                words: "it used \(bytes), more than twice the memoryMax of pool \(pool.label.text), \(most): raise "
                    + "memoryMax there, or look for what its clients load", isAtStart: false)
        case .stopping(.successor, _), .stopping(.nothing, _), .stopped, .queued, .backoff, .out: return nil
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
