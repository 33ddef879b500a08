import EventLoop
import Glibc
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// Memory and disk of the machine, and what they mean for slots and sidecars.
@Suite struct RoomTests {
    private let enough = FreeSpace(freeBytes: 1 << 40, totalBytes: 1 << 41, freeFiles: 0, totalFiles: 0)
    private let full = FreeSpace(freeBytes: 1 << 20, totalBytes: 1 << 41, freeFiles: 0, totalFiles: 0)

    private final class Site {
        let loop: Loop
        let host = ScriptedHost()
        let ledger: LedgerRecord
        let board: SlotBoard
        private(set) var watch: MachineWatch!
        private(set) var lines: [String] = []

        init(_ seating: Seating, slots: Int = 1, memoryBytesMax: UInt64? = nil) throws {
            loop = try Loop()
            ledger = LedgerRecord(loop: loop)
            var write: (String) -> Void = { _ in }
            let log = WorkerLog(EventLog { write(String(decoding: $0, as: UTF8.self)) })
            board = SlotBoard(
                pools: [
                    PoolPlan(
                        pool: Pool("AppA:x|||raw")!, slots: slots, seating: seating, memoryBytesMax: memoryBytesMax)
                ], ledger: ledger, around: SidecarContext(clock: loop, host: host, events: log))
            watch = MachineWatch(
                loop, MachineLook(folder: "/work", looksAtShm: false), reserveBytes: 1_000, board: board, events: log)
            write = { [unowned self] in self.lines.append($0) }
            board.start()
        }

        func makeReady(_ index: Int) throws {
            let endpoint = try #require(SidecarEndpoint(host: "127.0.0.1", port: index + 1, path: "/"))
            host.runs[index].happens(.announced(endpoint))
            host.runs[index].probed(true)
        }

        func measure(_ index: Int, _ bytes: UInt64) {
            host.runs[index].happens(.measured(SidecarSize(processes: 1, memoryBytes: bytes)))
        }

        func grant(_ number: Int64, slot: Int = 0) -> Wire.GrantRequest {
            Wire.GrantRequest(
                fleet: "f", worker: ProcessID(node: "w", generation: 1)!, slot: slot,
                lease: LeaseID(waiter: WaiterID(high: 0, low: UInt64(number)), attempt: 1), attach: 1,
                token: Token(epoch: 1, number: number), nonce: "")
        }

        func serve(_ number: Int64, slot: Int = 0) -> ScriptedSession {
            let session = ScriptedSession(grant(number, slot: slot))
            board.present(session)
            session.happens(.sidecarConnected)
            #expect(loop.run(until: { session.isProved }, timeoutMilliseconds: 10_000))
            return session
        }

        func saw(memory: UInt64 = 1 << 30, _ folder: FreeSpace?) {
            watch.saw(MachineLook.Seen(availableBytes: memory, folder: folder, shm: nil))
        }
    }

    @Test func thisMachineIsRead() throws {
        let seen = MachineLook(folder: "/tmp", looksAtShm: true).seen()
        #expect(try #require(seen.availableBytes) > 1 << 20)
        let folder = try #require(seen.folder)
        #expect(folder.freeBytes > 0 && folder.freeBytes <= folder.totalBytes && folder.freeFiles <= folder.totalFiles)
        let size = ProcessTable.size(of: [getpid(), .max])
        #expect(size.processes == 2 && (1 << 20...1 << 40).contains(size.memoryBytes))
        #expect(MachineLook(folder: "/nowhere", looksAtShm: false).seen().folder == nil)
    }

    @Test func aFullDiskTakesSlotsOutUntilThereIsRoom() throws {
        let site = try Site(Seating(), slots: 3)
        for index in 0..<3 { try site.makeReady(index) }
        let session = site.serve(1)
        site.saw(full)
        #expect([0, 1, 2].map { site.board.table[$0].row($0)?.state } == [.leased, .out, .out])
        #expect(site.ledger.entries.last == .changed)
        #expect(site.board.trouble.hasPrefix("/work has 1 MiB left, and needs "))
        #expect(site.lines.count { $0.contains("\"event\":\"room\"") && $0.contains("\"level\":\"error\"") } == 1)

        // Redis granted a slot before it knew.
        let late = ScriptedSession(site.grant(2, slot: 1))
        site.board.present(late)
        #expect(late.farewell == .reject(.failed))
        // A session goes on; its slot is out afterwards, also with a new sidecar.
        session.happens(.ended(.clientClosed))
        #expect(site.board.table[0].state == .out)
        site.host.runs[0].happens(.exited(ScriptedHost.ending))
        try site.makeReady(3)
        site.saw(full)
        #expect(site.board.table.count(.out) == 3)
        #expect(!site.ledger.isReady(0, session.grant.token))

        site.saw(enough)
        #expect(site.board.table.count(.free) == 3 && site.board.trouble == "")
        #expect(site.ledger.isReady(0, session.grant.token))
        #expect(site.lines.count { $0.contains("\"event\":\"room\"") } == 2)
        #expect(site.serve(9, slot: 1).isProved)
    }

    /// A slot whose sidecar is not ready when there is room again.
    @Test func aSlotWithoutASidecarComesBackWithIt() throws {
        let site = try Site(Seating())
        site.saw(full)
        #expect(site.board.table[0].state == .out)
        site.saw(enough)
        #expect(site.board.table[0].state == .out && site.ledger.entries.last == .changed)
        try site.makeReady(0)
        #expect(site.board.table[0].state == .free)
    }

    @Test func anOfferThatFailsWhileTheDiskIsFullLeavesTheSlotOut() throws {
        let site = try Site(Seating())
        try site.makeReady(0)
        let session = ScriptedSession(site.grant(1))
        site.board.present(session)
        site.saw(full)
        session.happens(.gatewayClosed)
        #expect(site.board.table[0].state == .out && !site.ledger.isReady(0, session.grant.token))
        site.saw(enough)
        #expect(site.board.table[0].state == .free && site.ledger.isReady(0, session.grant.token))
    }

    @Test func whileMemoryIsShortEachLookEndsOneSpareAndNoneStarts() throws {
        let site = try Site(Seating(spares: 2))
        for index in 0..<3 { try site.makeReady(index) }
        site.saw(memory: 999, enough)
        site.saw(memory: 999, enough)
        site.saw(memory: 999, enough)
        #expect(site.host.runs.map(\.orders) == [[], ["terminate"], ["terminate"]])
        for index in 1...2 { site.host.runs[index].happens(.exited(ScriptedHost.ending)) }
        #expect(site.host.runs.count == 3)
        // A slot's own sidecar starts nonetheless.
        site.serve(1).happens(.ended(.clientClosed))
        site.host.runs[0].happens(.exited(ScriptedHost.ending))
        #expect(site.host.runs.count == 4)
        #expect(site.lines.count { $0.contains("\"event\":\"memory\"") } == 1)
    }

    @Test func aSharedSidecarAboveItsMemoryIsReplacedAfterItsSessions() throws {
        let site = try Site(Seating(mode: .shared(seats: 2, sessionsMax: 50)), slots: 2, memoryBytesMax: 100)
        try site.makeReady(0)
        // Too large from its start: its successor would be so too.
        site.measure(0, 150)
        #expect(site.host.runs.count == 1)
        let session = site.serve(1)
        site.measure(0, 150)
        site.measure(0, 150)
        #expect(site.host.runs.count == 2 && site.host.runs[0].orders == [])
        #expect(site.lines.count { $0.contains("\"state\":\"large\"") } == 1)
        try site.makeReady(1)
        #expect(site.serve(2, slot: 1).endpoint?.port == 2, "it takes nobody new")
        session.happens(.ended(.clientClosed))
        #expect(site.host.runs[0].orders == ["terminate"])
    }

    /// Else the sidecar that makes memory short would keep its slots for as long as memory is short.
    @Test func theSuccessorOfALargeSidecarStartsWhileMemoryIsShort() throws {
        let site = try Site(Seating(mode: .shared(seats: 2, sessionsMax: 50)), slots: 2, memoryBytesMax: 100)
        try site.makeReady(0)
        site.serve(1).happens(.ended(.clientClosed))
        site.saw(memory: 999, enough)
        site.measure(0, 150)
        #expect(site.host.runs.count == 2)
        try site.makeReady(1)
        #expect(site.host.runs[0].orders == ["terminate"])
        // The successor is the only sidecar, and no spare.
        site.saw(memory: 999, enough)
        #expect(site.host.runs[1].orders == [])
    }

    @Test func aSidecarAboveTwiceItsMemoryIsKilledAndNamed() throws {
        let mebi: UInt64 = 1 << 20
        let site = try Site(Seating(), memoryBytesMax: 100 * mebi)
        try site.makeReady(0)
        let session = site.serve(1)
        site.measure(0, 200 * mebi)
        #expect(site.host.runs[0].orders == [] && session.farewell == nil)
        site.measure(0, 201 * mebi)
        #expect(site.host.runs[0].orders == ["kill"] && session.farewell == .flush)
        #expect(
            site.lines.contains {
                $0.contains("A sidecar uses 201 MiB, memoryMax of pool AppA:x is 100 MiB: it is more than twice that")
            })
        site.host.runs[0].happens(.exited(ScriptedHost.ending))
        #expect(
            site.board.trouble
                == "slot 0: it used 201 MiB, more than twice the memoryMax of pool AppA:x, 100 MiB: raise memoryMax there, or "
                + "look for what its clients load")
        #expect(site.loop.run(until: { site.host.runs.count == 2 }, timeoutMilliseconds: 10_000))
        try site.makeReady(1)
        #expect(site.board.trouble == "" && site.board.table[0].state == .free)
    }
}
