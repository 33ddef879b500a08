import Worker
import WorkerCore

/// Starts a worker's sidecars in simulated time.
final class SimulatedSidecars: SidecarHost {
    /// How sidecars behave while the fault lasts.
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
    /// The last start of each sidecar.
    private var runs: [Int: SimulatedSidecar] = [:]
    var illness = Illness()
    let isIdle = true
    var onIdle: (() -> Void)?

    init(_ process: SimulatedProcess, chance: @escaping (ClosedRange<Int64>) -> Int64) {
        self.process = process
        self.chance = chance
    }

    func start(_ start: SidecarStart, onEvent: @escaping (SidecarRunEvent) -> Void) -> any SidecarRun {
        let run = SimulatedSidecar(process, chance: chance, failsToStart: illness.failsToStart, onEvent: onEvent)
        runs[start.sidecar] = run
        return run
    }

    /// A sidecar ends by itself.
    func crash(_ sidecar: Int) { runs[sidecar]?.crash() }
}

/// A sidecar without a process, from its start to its end.
final class SimulatedSidecar: SidecarRun {
    let pid: Int32? = nil
    private let process: SimulatedProcess
    private let chance: (ClosedRange<Int64>) -> Int64
    private var onEvent: ((SidecarRunEvent) -> Void)?

    init(
        _ process: SimulatedProcess, chance: @escaping (ClosedRange<Int64>) -> Int64, failsToStart: Bool,
        onEvent: @escaping (SidecarRunEvent) -> Void
    ) {
        self.process = process
        self.chance = chance
        self.onEvent = onEvent
        guard !failsToStart else {
            exit(after: chance(milliseconds(5)...milliseconds(50)))
            return
        }
        _ = process.schedule(after: chance(milliseconds(20)...milliseconds(300))) { [weak self] in
            if case .listens(let endpoint) = SidecarEndpoint.read("ws://127.0.0.1:9/") {
                self?.onEvent?(.announced(endpoint))
            }
        }
    }

    func hasten() {}

    func probe(done: @escaping (_ passed: Bool) -> Void) {
        _ = process.schedule(after: chance(50...milliseconds(4))) { [weak self] in
            if self?.onEvent != nil { done(true) }
        }
    }

    func terminate() { exit(after: chance(milliseconds(2)...milliseconds(40))) }

    func kill() { exit(after: 0) }

    func crash() {
        let call = onEvent
        onEvent = nil
        call?(
            .exited(
                SidecarEnding(exit: "simulated", words: LastWords(stdout: [], stderr: []), droppedBytes: 0, left: 0)))
    }

    private func exit(after delay: Int64) {
        _ = process.schedule(after: delay) { [weak self] in self?.crash() }
    }
}
