import EventLoop
import Queue
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
            pools: [PoolPlan(pool: Pool("a|||raw")!, slots: 1)], ledger: ledger,
            around: SidecarContext(clock: loop, host: host, events: WorkerLog(EventLog { _ in })))
        board.start()
        let run = try #require(host.runs.first)
        run.happens(.announced(try endpoint("ws://127.0.0.1:9/x")))
        run.probed(true)
        #expect(board.table[0].state == .free)
        run.happens(.measured(SidecarSize(processes: ProcessCensus.processesMax + 1, memoryBytes: 0)))
        #expect(run.orders == ["kill"])
        #expect(board.table[0].state == .recycling && ledger.entries.last == .changed)

        // Redis granted the slot before it knew.
        let session = ScriptedSession(grant)
        board.present(session)
        #expect(session.endpoint == nil)
        #expect(session.farewell == .reject(.occupied))
        #expect(ledger.entries.last == .reject(grant.lease, 0, grant.token, .occupied, false))

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
            pools: [PoolPlan(pool: Pool("a|||raw")!, slots: 1)], ledger: ledger,
            around: SidecarContext(clock: loop, host: host, events: WorkerLog(EventLog { _ in })))
        board.start()
        host.runs[0].happens(.announced(try endpoint("ws://127.0.0.1:1")))
        host.runs[0].probed(true)
        let session = ScriptedSession(grant)
        board.present(session)
        session.happens(.sidecarConnected)
        #expect(loop.run(until: { session.isProved }, timeoutMilliseconds: 10_000))
        session.happens(.ended(.clientDropped))
        #expect(session.farewell == .close && host.runs[0].orders == ["terminate"])
        #expect(!ledger.isReady(0, grant.token))
        host.runs[0].happens(.exited(ScriptedHost.ending))
        host.runs[1].happens(.announced(try endpoint("ws://127.0.0.1:2")))
        host.runs[1].probed(true)
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

    /// A board of one pool whose sidecars are ready, as many as it starts.
    private func board(_ seating: Seating, slots: Int, _ ledger: LedgerRecord, _ host: ScriptedHost, _ loop: Loop)
        throws
        -> SlotBoard
    {
        let board = SlotBoard(
            pools: [PoolPlan(pool: Pool("a|||raw")!, slots: slots, seating: seating)], ledger: ledger,
            around: SidecarContext(clock: loop, host: host, events: WorkerLog(EventLog { _ in })))
        board.start()
        var index = 0
        while index < host.runs.count {
            host.runs[index].happens(.announced(try endpoint("ws://127.0.0.1:\(index + 1)")))
            host.runs[index].probed(true)
            index += 1
        }
        return board
    }

    private func grant(_ slot: Int, _ number: Int64, attempt: Int) -> Wire.GrantRequest {
        Wire.GrantRequest(
            fleet: "f", worker: grant.worker, slot: slot, lease: LeaseID(waiter: grant.lease.waiter, attempt: attempt),
            attach: 1, token: Token(epoch: 1, number: number), nonce: "")
    }

    private func serve(_ board: SlotBoard, _ loop: Loop, _ grant: Wire.GrantRequest) -> ScriptedSession {
        let session = ScriptedSession(grant)
        board.present(session)
        session.happens(.sidecarConnected)
        #expect(loop.run(until: { session.isProved }, timeoutMilliseconds: 10_000))
        return session
    }

    @Test func aSpareStartsAfterTheSidecarsOfSlotsAndTakesTheNextSession() throws {
        let (loop, host) = (try Loop(), ScriptedHost())
        let ledger = LedgerRecord(loop: loop)
        let board = try board(Seating(spares: 2), slots: 2, ledger, host, loop)
        #expect(host.starts.map(\.isSpare) == [false, false, true, true])
        let session = serve(board, loop, grant(0, 1, attempt: 1))
        session.happens(.ended(.clientClosed))
        #expect(
            ledger.entries.suffix(2) == [
                .release(session.grant.lease, 0, session.grant.token), .ready(0, session.grant.token),
            ])
        #expect(host.runs[0].orders == ["terminate"])
        host.runs[0].happens(.exited(ScriptedHost.ending))
        #expect(host.starts.count == 5 && host.starts[4].isSpare && host.starts[4].sidecar == 0)
        #expect(serve(board, loop, grant(0, 2, attempt: 2)).endpoint?.port == 3)
    }

    /// Two spares never start at once, and none while memory is short.
    @Test func sparesStartOneAfterTheOther() throws {
        let (loop, host) = (try Loop(), ScriptedHost())
        let board = SlotBoard(
            pools: [PoolPlan(pool: Pool("a|||raw")!, slots: 1, seating: Seating(spares: 2))],
            ledger: LedgerRecord(loop: loop),
            around: SidecarContext(clock: loop, host: host, events: WorkerLog(EventLog { _ in })))
        board.start()
        func makeReady(_ index: Int) throws {
            host.runs[index].happens(.announced(try endpoint("ws://127.0.0.1:\(index + 1)")))
            host.runs[index].probed(true)
        }
        #expect(host.starts.map(\.isSpare) == [false, true])
        board.memory(isShort: true)
        try makeReady(0)
        try makeReady(1)
        #expect(host.starts.count == 2)
        board.memory(isShort: true)
        #expect(host.runs[1].orders == ["terminate"], "a spare is the first thing given up")
        host.runs[1].happens(.exited(ScriptedHost.ending))
        #expect(host.starts.count == 2)
        board.memory(isShort: false)
        #expect(host.starts.count == 3)
        try makeReady(2)
        #expect(host.starts.count == 4)
    }

    @Test func aSharedSeatIsFitInTheCallThatReleasesItUntilTheSidecarHasServedItsSessions() throws {
        let (loop, host) = (try Loop(), ScriptedHost())
        let ledger = LedgerRecord(loop: loop)
        let board = try board(Seating(mode: .shared(seats: 2, sessionsMax: 3)), slots: 2, ledger, host, loop)
        #expect(host.runs.count == 1)
        let first = serve(board, loop, grant(0, 1, attempt: 1))
        let second = serve(board, loop, grant(1, 2, attempt: 2))
        first.happens(.ended(.clientDropped))
        #expect(ledger.isReady(0, first.grant.token))
        // The third session is the last one that this sidecar takes.
        #expect(host.runs.count == 2 && host.starts[1].isSpare)
        second.happens(.ended(.clientDropped))
        #expect(!ledger.isReady(1, second.grant.token))
        host.runs[1].happens(.announced(try endpoint("ws://127.0.0.1:2")))
        host.runs[1].probed(true)
        #expect(ledger.isReady(1, second.grant.token))
        let third = serve(board, loop, grant(0, 3, attempt: 3))
        #expect(third.endpoint?.port == 1 && host.runs[0].orders == [])
        third.happens(.ended(.clientDropped))
        #expect(host.runs[0].orders == ["terminate"] && ledger.isReady(0, third.grant.token))
    }

    /// A timer of an earlier sidecar would replace its successor too early.
    @Test func aSidecarHasOneAgeHoweverOftenItIsReplaced() throws {
        let (loop, host) = (try Loop(), ScriptedHost())
        let (ledger, clock) = (LedgerRecord(loop: loop), TimerCount(loop))
        let board = SlotBoard(
            pools: [PoolPlan(pool: Pool("a|||raw")!, slots: 1, seating: Seating(ageMaxMilliseconds: 3_600_000))],
            ledger: ledger, around: SidecarContext(clock: clock, host: host, events: WorkerLog(EventLog { _ in })))
        board.start()
        for round in 1...3 {
            host.runs[round - 1].happens(.announced(try endpoint("ws://127.0.0.1:\(round)")))
            host.runs[round - 1].probed(true)
            #expect(clock.longTimers == 1)
            serve(board, loop, grant(0, Int64(round), attempt: round)).happens(.ended(.clientClosed))
            #expect(clock.longTimers == 0)
            host.runs[round - 1].happens(.exited(ScriptedHost.ending))
        }
    }

    /// A sidecar whose browser died closes its clients' connections a moment before it exits.
    @Test func aSharedSeatWaitsAfterItsSidecarHungUp() throws {
        let (loop, host) = (try Loop(), ScriptedHost())
        let ledger = LedgerRecord(loop: loop)
        let board = try board(Seating(mode: .shared(seats: 1, sessionsMax: 9)), slots: 1, ledger, host, loop)
        let first = serve(board, loop, grant(0, 1, attempt: 1))
        first.happens(.ended(.sidecarClosed))
        #expect(!ledger.isReady(0, first.grant.token))
        #expect(loop.run(until: { ledger.isReady(0, first.grant.token) }, timeoutMilliseconds: 10_000))
        let second = serve(board, loop, grant(0, 2, attempt: 2))
        second.happens(.ended(.sidecarClosed))
        host.runs[0].happens(.exited(ScriptedHost.ending))
        #expect(board.table[0].state == .recycling && !ledger.isReady(0, second.grant.token))
    }
}

/// The loop's clock. It counts the timers that are longer than any of a sidecar but its age.
private final class TimerCount: RuntimeClock {
    static let longMilliseconds: UInt64 = 60_000
    private let loop: Loop
    private var long: [LongTimer] = []

    private final class LongTimer: ScheduledCall {
        private(set) var isCancelled = false
        func cancel() { isCancelled = true }
    }

    init(_ loop: Loop) { self.loop = loop }

    var longTimers: Int { long.count { !$0.isCancelled } }
    var now: UInt64 { loop.now }

    func call(after milliseconds: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall {
        guard milliseconds > TimerCount.longMilliseconds else { return loop.call(after: milliseconds, body) }
        let timer = LongTimer()
        long.append(timer)
        return timer
    }

    func afterThisTurn(_ body: @escaping () -> Void) { loop.afterThisTurn(body) }
}
