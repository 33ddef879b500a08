import QueueCore
import WorkerCore

@testable import Worker

/// Starts sidecars that do what a test says.
final class ScriptedHost: SidecarHost {
    static let ending = SidecarEnding(
        exit: "code(0)", words: LastWords(stdout: [], stderr: []), droppedBytes: 0, left: 0)
    private(set) var runs: [ScriptedRun] = []
    private(set) var starts: [SidecarStart] = []
    let isIdle = true
    var onIdle: (() -> Void)?

    func start(_ start: SidecarStart, onEvent: @escaping (SidecarRunEvent) -> Void) -> any SidecarRun {
        let run = ScriptedRun(onEvent)
        runs.append(run)
        starts.append(start)
        return run
    }
}

final class ScriptedRun: SidecarRun {
    let pid: Int32? = nil
    let happens: (SidecarRunEvent) -> Void
    private(set) var orders: [String] = []

    init(_ onEvent: @escaping (SidecarRunEvent) -> Void) { happens = onEvent }

    private(set) var probed: (Bool) -> Void = { _ in }

    func hasten() { orders.append("hasten") }
    func probe(done: @escaping (_ passed: Bool) -> Void) { probed = done }
    func terminate() { orders.append("terminate") }
    func kill() { orders.append("kill") }
}

final class ScriptedSession: SlotSession {
    let grant: Wire.GrantRequest
    let bytes: (fromClient: UInt64, toClient: UInt64) = (0, 0)
    private(set) var endpoint: SidecarEndpoint?
    private(set) var isProved = false
    private(set) var farewell: Slot.Vacated.Farewell?
    private(set) var happens: (SessionEvent) -> Void = { _ in }

    init(_ grant: Wire.GrantRequest) { self.grant = grant }

    func begin(on endpoint: SidecarEndpoint?, onEvent: @escaping (SessionEvent) -> Void) {
        self.endpoint = endpoint
        happens = onEvent
    }
    func prove() { isProved = true }
    func end(_ farewell: Slot.Vacated.Farewell, saying words: ClosingWords?) { self.farewell = farewell }
}
