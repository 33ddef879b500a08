import EventLoop
import Glibc
import QueueCore
import TestSupport
import Testing
import WorkerCore

@testable import Worker

/// Protocol logs on a real disk.
@Suite(.serialized) struct ProtocolLogFilesTests {
    /// Keeps what the worker's log would say.
    private final class Events: WorkerEvents {
        var reports: [ProtocolLogReport] = []
        var folderTroubles: [String] = []
        var poolsOff: [String] = []

        func worker(_ event: WorkerEvent) {
            switch event {
            case .protocolLog(let report): reports.append(report)
            case .protocolLogOff(let pool): poolsOff.append(pool.label.text)
            case .protocolLogFolder(_, let words): folderTroubles.append(words)
            default: break
            }
        }
        func stranger(at peer: String, _ event: StrangerEvent) {}
        func slot(_ slot: Int, of pool: Pool, _ event: SlotEvent) {}
        func sidecar(_ number: Int, of pool: Pool, pid: Int32?, _ event: SidecarEvent) {}
    }

    private let loop: Loop
    private let temporary: TemporaryFolder
    private let folder: String
    private let events = Events()
    private let files: ProtocolLogFiles

    init() throws {
        loop = try Loop()
        temporary = try TemporaryFolder()
        folder = "\(temporary.path)/logs"
        files = ProtocolLogFiles(folder: folder, loop: loop, events: events)
    }

    private func facts(_ number: UInt64) -> ProtocolTranscript.Facts {
        .init(
            lease: LeaseID(waiter: WaiterID(high: 0, low: number), attempt: 1), attach: 1, run: "r", pool: "a",
            worker: ProcessID(node: "n", generation: 1)!, slot: 0)
    }

    private func begun(_ number: UInt64 = 1) -> SessionLog {
        let log = files.log(facts(number))
        log.begin()
        return log
    }

    /// A text of a client of up to 65,535 bytes, not masked by anything but zeros.
    private func pass(_ text: String, to log: SessionLog) {
        let size = text.utf8.count
        let bytes = [0x81, 0x80 | 126, UInt8(size >> 8), UInt8(size & 255), 0, 0, 0, 0] + Array(text.utf8)
        bytes.withUnsafeBytes { log.passed($0, from: .client) }
    }

    private func lines(_ log: SessionLog) -> [String] {
        (Files.read("\(folder)/\(log.name)", bytesMax: 1 << 30) ?? "").split(separator: "\n").map(String.init)
    }

    private func mode(_ path: String) -> mode_t {
        var info = stat()
        return lstat(path, &info) == 0 ? info.st_mode & 0o777 : 0
    }

    @Test func aSessionHasOneFileThatOnlyItsUserReads() {
        let log = begun()
        pass("one", to: log)
        loop.expect({ lines(log).count == 2 }, "lines are written while the session goes on")
        pass("two", to: log)
        log.end()
        log.end()
        loop.expect({ events.reports.count == 1 }, "the log is closed")
        let texts = lines(log).map { String($0.drop { $0 != "k" }) }
        #expect(texts.count == 4 && texts[0].hasPrefix(#"kind":"start","start":"20"#))
        #expect(
            Array(texts[1...]) == [
                #"kind":"text","bytes":3,"text":"one"}"#, #"kind":"text","bytes":3,"text":"two"}"#,
                #"kind":"end","client":{"messages":2,"bytes":6},"sidecar":{"messages":0,"bytes":0},"#
                    + #""dropped":{"sampled":0,"full":0,"disk":0}}"#,
            ])
        #expect(mode(folder) == 0o700 && mode("\(folder)/\(log.name)") == 0o600)
        #expect(Files.entries(folder) == [log.name])
        #expect(events.reports[0].messages == 2 && events.reports[0].failure == nil)
        #expect(log.file == nil)
    }

    @Test func thePoolDecidesAndAskingInVainIsToldOnce() throws {
        let plain = "GET / HTTP/1.1\r\nConnection: Upgrade\r\n"
        let grant = Wire.GrantRequest(
            fleet: "f", worker: ProcessID(node: "n", generation: 1)!, slot: 4, lease: facts(7).lease, attach: 2,
            token: .none, nonce: Crypto.randomHex(bytes: 16))
        func name(_ mode: ProtocolLogMode, _ more: String) throws -> String? {
            guard case .complete(let head) = SidecarHead.read(Array((plain + more + "\r\n").utf8)[...]) else {
                throw WorkerFailure("no head")
            }
            let plan = PoolPlan(pool: Pool("a:b|||raw")!, slots: 1)
            return files.log(grant, head, of: WorkerPool(plan, kind: CommandKind(["x"]), protocolLog: mode))?.name
        }
        let asking = "x-berth-run: r7\r\nx-berth-log: protocol\r\n"
        let second = "\(grant.lease)-2.jsonl"
        #expect(try name(.on, "") == second && name(.on, asking) == second && name(.allowed, asking) == second)
        #expect(try name(.allowed, "") == nil && name(.off, "") == nil)
        #expect(events.poolsOff.isEmpty)
        #expect(try name(.off, asking) == nil && name(.off, asking) == nil)
        #expect(events.poolsOff == ["a:b"])
    }

    @Test func aLogThatNeverBeginsHasNoFile() {
        let log = files.log(facts(1))
        pass("one", to: log)
        log.end()
        var isDone = false
        files.close { isDone = true }
        loop.expect({ isDone }, "the logs are closed")
        #expect(Files.entries(folder) == [] && events.reports.isEmpty)
    }

    /// More than a disk takes in one turn of the loop: what does not fit into memory is dropped and counted.
    @Test func aSlowDiskCostsMessagesAndNoMemory() {
        let log = begun()
        let text = String(repeating: "x", count: 16_000)
        for _ in 0..<200 { pass(text, to: log) }
        loop.expect({ lines(log).count > 1 }, "what fitted is written")
        pass("after", to: log)
        log.end()
        loop.expect({ events.reports.count == 1 }, "the log is closed")
        let report = events.reports[0]
        let written = lines(log).count - 2
        #expect(report.messages == 201 && UInt64(written) + report.dropped.disk == 201)
        // The lines of 1 MiB, the session's first line among them, and the one after the pause.
        let sizes = lines(log).map { $0.utf8.count + 1 }
        #expect(written == (SessionLog.waitingBytesMax - sizes[0]) / sizes[1] + 1)
        #expect(lines(log)[written].contains(#""dropped":\#(report.dropped.disk),"text":"after""#))
    }

    @Test func allSessionsTogetherHaveABound() {
        let logs = (1...20).map { begun(UInt64($0)) }
        let text = String(repeating: "x", count: 16_000)
        for log in logs { for _ in 0..<100 { pass(text, to: log) } }
        for log in logs { log.end() }
        loop.expect({ events.reports.count == 20 }, "the logs are closed")
        let written = logs.reduce(0) { $0 + lines($1).count - 2 }
        let lineBytes = lines(logs[0])[1].utf8.count + 1
        let room = ProtocolLogFiles.waitingBytesMax / lineBytes
        // The first lines of the sessions take the room of one message.
        #expect(written == room || written == room - 1)
        #expect(events.reports.reduce(0) { $0 + $1.dropped.disk } == UInt64(2_000 - written))
        // The bytes that logs held are free again.
        let next = begun(21)
        for _ in 0..<60 { pass(text, to: next) }
        next.end()
        loop.expect({ events.reports.count == 21 }, "the next log is closed")
        #expect(lines(next).count == 62)
    }

    /// A descriptor of /dev/full in place of the file: each write fails as on a full disk.
    @Test func aFullDiskEndsTheLogAndIsReported() throws {
        let log = begun()
        pass("one", to: log)
        loop.expect({ lines(log).count == 2 && log.file != nil }, "the first batch is written")
        let full = open("/dev/full", O_WRONLY)
        #expect(dup2(full, try #require(log.file)) >= 0)
        close(full)
        for _ in 0..<3 { pass("two", to: log) }
        loop.expect({ log.file == nil }, "the write has failed")
        pass("three", to: log)
        log.end()
        loop.expect({ events.reports.count == 1 }, "the end is reported")
        let report = events.reports[0]
        #expect(report.failure?.contains("no space left") == true, "\(report)")
        #expect(report.messages == 5 && report.dropped.disk == 4)
        #expect(lines(log).count == 2)
    }

    @Test func aFolderThatCannotBeMadeIsToldOnceAndCostsMessagesAlone() {
        let files = ProtocolLogFiles(folder: "/proc/berth-logs", loop: loop, events: events)
        files.start()
        loop.expect({ events.folderTroubles.count == 1 }, "the folder's trouble is told")
        for number in 1...2 {
            let log = files.log(facts(UInt64(number)))
            log.begin()
            pass("one", to: log)
            log.end()
        }
        var isDone = false
        files.close { isDone = true }
        loop.expect({ isDone }, "the logs are closed")
        #expect(events.reports.map(\.dropped.disk) == [1, 1] && events.reports.allSatisfy { $0.failure != nil })
        #expect(events.folderTroubles.count == 1)
    }

    /// Another user's link in a shared folder must not lead the log elsewhere.
    @Test func aNameThatIsTakenIsLeftAlone() {
        let target = "\(temporary.path)/target"
        #expect(Files.makeFolder(folder) && Files.write(target, "mine"))
        let log = files.log(facts(1))
        #expect(symlink(target, "\(folder)/\(log.name)") == 0)
        log.begin()
        pass("one", to: log)
        log.end()
        loop.expect({ events.reports.count == 1 }, "the end is reported")
        #expect(events.reports[0].failure?.contains("open") == true)
        #expect(Files.read(target, bytesMax: 100) == "mine")
        #expect(symlink(temporary.path, "\(temporary.path)/link") == 0)
        let linked = ProtocolLogFiles(folder: "\(temporary.path)/link", loop: loop, events: events)
        linked.start()
        loop.expect({ events.folderTroubles.count == 1 }, "a folder behind a link is refused")
        linked.close {}
    }

    @Test func theEndOfTheWorkerWritesTheLastLines() {
        let logs = [begun(1), begun(2)]
        for log in logs { pass("one", to: log) }
        var isDone = false
        files.close { isDone = true }
        loop.expect({ isDone }, "the logs are closed")
        #expect(logs.allSatisfy { lines($0).count == 3 && lines($0)[2].contains(#""kind":"end""#) })
        pass("late", to: logs[0])
        #expect(events.reports.map(\.messages) == [1, 1])
    }

    /// Workers of one user share the folder.
    @Test func anotherWorkersOpenLogStays() {
        var times = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000, tv_usec: 0)]
        let log = begun(1)
        pass("one", to: log)
        loop.expect({ Files.exists("\(folder)/\(log.name)") }, "the log has a file")
        let closed = "\(folder)/\(facts(9).fileName)"
        #expect(Files.write(closed, "old"))
        for path in ["\(folder)/\(log.name)", closed] { #expect(utimes(path, &times) == 0) }
        let other = ProtocolLogFiles(folder: folder, loop: loop, events: events)
        other.start()
        loop.expect({ !Files.exists(closed) }, "a closed log is deleted")
        #expect(Files.exists("\(folder)/\(log.name)"))
        other.close {}
        log.end()
        loop.expect({ events.reports.count == 1 }, "the log is closed")
    }

    @Test func oldLogsAreDeletedWhenTheWorkerStartsAndWhenALogIsClosed() {
        func makeOld(_ number: UInt64) -> String {
            let path = "\(folder)/\(facts(number).fileName)"
            #expect(Files.write(path, "old"))
            var times = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000, tv_usec: 0)]
            #expect(utimes(path, &times) == 0)
            return path
        }
        #expect(Files.makeFolder(folder) && Files.write("\(folder)/notes.txt", "mine"))
        let first = makeOld(8)
        let files = ProtocolLogFiles(folder: folder, loop: loop, events: events, sweepGapMilliseconds: 1)
        files.start()
        loop.expect({ !Files.exists(first) }, "an old log is deleted at the start")
        let second = makeOld(9)
        let log = files.log(facts(1))
        log.begin()
        log.end()
        loop.expect({ !Files.exists(second) }, "an old log is deleted after a session")
        #expect(Set(Files.entries(folder)) == ["notes.txt", log.name])
        files.close {}
    }
}
