import EventLoop
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// The board with sidecars and sessions that do what a test says.
@Suite struct SlotBoardTests {
    /// A sidecar that is killed stays for as long as its last process does.
    @Test func aGrantForASidecarThatIsBeingKilledIsRejected() throws {
        let loop = try Loop()
        let ledger = LedgerRecord(loop: loop)
        let host = ScriptedHost()
        let board = SlotBoard(
            pools: [Pool("a||")!], ledger: ledger,
            around: SidecarContext(clock: loop, host: host, events: WorkerLog(JSONLog { _ in })))
        board.start()
        let run = try #require(host.runs.first)
        run.happens(.announced(try endpoint("ws://127.0.0.1:9/x")))
        #expect(board.table[0].state == .free)
        run.happens(.counted(processes: ProcessCensus.processesMax + 1))
        #expect(run.orders == ["kill"])

        let session = ScriptedSession(grant)
        board.present(session)
        #expect(session.endpoint?.port == 9)
        session.happens(.sidecarUnreachable(SystemError(code: -111, operation: "connect")))
        #expect(session.farewell == .reject(.failed))
        #expect(ledger.entries.last == .reject(grant.lease, 0, grant.token, .failed, false))

        run.happens(.exited(ScriptedHost.ending))
        #expect(board.table[0].state == .recycling)
        board.drain()
        #expect(board.isStopped)
    }

    @Test func aSlotGivesItsSidecarBackAfterItsSessionAndTakesTheSuccessor() throws {
        let loop = try Loop()
        let ledger = LedgerRecord(loop: loop)
        let host = ScriptedHost()
        let board = SlotBoard(
            pools: [Pool("a||")!], ledger: ledger,
            around: SidecarContext(clock: loop, host: host, events: WorkerLog(JSONLog { _ in })))
        board.start()
        host.runs[0].happens(.announced(try endpoint("ws://127.0.0.1:1")))
        let session = ScriptedSession(grant)
        board.present(session)
        session.happens(.sidecarConnected)
        #expect(loop.run(until: { session.isProved }, timeoutMilliseconds: 10_000))
        session.happens(.ended(bySidecar: false))
        #expect(session.farewell == .close && host.runs[0].orders == ["terminate"])
        #expect(!ledger.isReady(0, grant.token))
        host.runs[0].happens(.exited(ScriptedHost.ending))
        host.runs[1].happens(.announced(try endpoint("ws://127.0.0.1:2")))
        #expect(ledger.isReady(0, grant.token))

        let next = ScriptedSession(
            Wire.GrantRequest(
                fleet: "f", worker: grant.worker, slot: 0, lease: LeaseID(waiter: grant.lease.waiter, attempt: 2),
                attach: 1, token: Token(epoch: 1, number: 6), nonce: "n"))
        board.present(next)
        #expect(next.endpoint?.port == 2)
        board.closeAll(reason: "test")
        board.drain()
        host.runs[1].happens(.exited(ScriptedHost.ending))
        #expect(board.isStopped)
    }

    private let grant = Wire.GrantRequest(
        fleet: "f", worker: ProcessID(node: "w", generation: 1)!, slot: 0,
        lease: LeaseID(waiter: WaiterID(high: 0, low: 1), attempt: 1), attach: 1, token: Token(epoch: 1, number: 5),
        nonce: "n")

    private func endpoint(_ url: String) throws -> SidecarEndpoint {
        guard case .listens(let endpoint) = SidecarEndpoint.read(url) else { throw WorkerFailure("no URL: \(url)") }
        return endpoint
    }
}

private final class ScriptedHost: SidecarHost {
    static let ending = SidecarEnding(
        exit: "code(0)", words: LastWords(stdout: [], stderr: []), droppedBytes: 0, left: 0)
    private(set) var runs: [ScriptedRun] = []
    let isIdle = true
    var onIdle: (() -> Void)?

    func start(_ start: SidecarStart, onEvent: @escaping (SidecarRunEvent) -> Void) -> any SidecarRun {
        let run = ScriptedRun(onEvent)
        runs.append(run)
        return run
    }
}

private final class ScriptedRun: SidecarRun {
    let pid: Int32? = nil
    let happens: (SidecarRunEvent) -> Void
    private(set) var orders: [String] = []

    init(_ onEvent: @escaping (SidecarRunEvent) -> Void) { happens = onEvent }

    func terminate() { orders.append("terminate") }
    func kill() { orders.append("kill") }
}

private final class ScriptedSession: SlotSession {
    let grant: Wire.GrantRequest
    let bytes: (fromClient: UInt64, toClient: UInt64) = (0, 0)
    private(set) var endpoint: SidecarEndpoint?
    private(set) var isProved = false
    private(set) var farewell: Slot.Vacated.Farewell?
    private(set) var happens: (SessionEvent) -> Void = { _ in }

    init(_ grant: Wire.GrantRequest) { self.grant = grant }

    func begin(on endpoint: SidecarEndpoint, onEvent: @escaping (SessionEvent) -> Void) {
        self.endpoint = endpoint
        happens = onEvent
    }
    func prove() { isProved = true }
    func end(_ farewell: Slot.Vacated.Farewell) { self.farewell = farewell }
}
