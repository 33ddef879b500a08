import Queue

/// One operating-system process: it runs, is stopped (SIGSTOP), or is gone.
///
/// What reaches a stopped process waits; when it goes on, its timers that came due fire first and what arrived is read
/// after them, as a loop does it.
final class SimulatedProcess {
    enum State { case running, paused, gone }

    let name: String
    /// The machine: what is cut off is a machine.
    let host: String
    let timeline: Timeline
    /// Its scripts are those of the next schema.
    var isNewer = false
    private(set) var state = State.running
    private var timersDue: [() -> Void] = []
    private var arrived: [() -> Void] = []
    /// Connections that end with it, in the order of their making.
    private var atEnd: [() -> Void] = []
    /// Told that it stopped, and that it went on.
    var onPause: (Bool) -> Void = { _ in }

    init(name: String, host: String, timeline: Timeline) {
        self.name = name
        self.host = host
        self.timeline = timeline
    }

    var isGone: Bool { state == .gone }

    /// Milliseconds of its monotonic clock, which goes on while it is stopped.
    var now: UInt64 { UInt64(timeline.now / 1_000) }

    /// Something from outside arrived.
    func arrive(_ body: @escaping () -> Void) {
        switch state {
        case .running: body()
        case .paused: arrived.append(body)
        case .gone: break
        }
    }

    /// - Parameter repeating: microseconds, 0 for never again.
    func schedule(after delay: Int64, repeating: Int64 = 0, _ body: @escaping () -> Void) -> ProcessTimer {
        ProcessTimer(self, after: delay, repeating: repeating, body)
    }

    fileprivate func due(_ body: @escaping () -> Void) {
        switch state {
        case .running: body()
        case .paused: timersDue.append(body)
        case .gone: break
        }
    }

    func whenGone(_ body: @escaping () -> Void) { atEnd.append(body) }

    func pause() {
        guard state == .running else { return }
        state = .paused
        onPause(true)
    }

    func goOn() {
        guard state == .paused else { return }
        state = .running
        onPause(false)
        let waiting = timersDue + arrived
        (timersDue, arrived) = ([], [])
        for body in waiting where state == .running { body() }
    }

    /// kill -9, or its own end.
    func end() {
        guard state != .gone else { return }
        state = .gone
        (timersDue, arrived) = ([], [])
        let bodies = atEnd
        atEnd = []
        for body in bodies { body() }
    }
}

/// A timer of a process.
final class ProcessTimer: ScheduledCall {
    private let process: SimulatedProcess
    private let repeating: Int64
    private var body: (() -> Void)?
    private var scheduled: Scheduled?

    init(_ process: SimulatedProcess, after delay: Int64, repeating: Int64, _ body: @escaping () -> Void) {
        self.process = process
        self.repeating = repeating
        self.body = body
        arm(delay)
    }

    private func arm(_ delay: Int64) {
        scheduled = process.timeline.after(delay) { [self] in process.due { [self] in fire() } }
    }

    private func fire() {
        guard let call = body else { return }
        if repeating > 0 { arm(repeating) } else { cancel() }
        call()
    }

    func cancel() {
        body = nil
        scheduled?.cancel()
        scheduled = nil
    }
}
