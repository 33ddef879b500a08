import EventLoop
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// The lines that operators' searches and alarms go by.
@Suite struct WorkerLogTests {
    private final class Lines { var all: [String] = [] }
    private let lines = Lines()
    private let pool = Pool("a:b|||raw")!
    private let lease = LeaseID(waiter: WaiterID(high: 0, low: 7), attempt: 1)
    private let token = Token(epoch: 1, number: 5)

    private var log: WorkerLog {
        WorkerLog(EventLog { [lines] in lines.all.append(String(decoding: $0, as: UTF8.self)) })
    }

    /// Lines without their time.
    private var told: [String] { lines.all.map { String($0.drop { $0 != "," }.dropFirst().dropLast(2)) } }

    private func vacated(_ verdict: Slot.Vacated.Verdict) throws -> Slot.Vacated {
        var slot = Slot()
        _ = slot.sidecarReady()
        _ = slot.presented(lease, token)
        let vacated: Slot.Vacated?
        switch verdict {
        case .none: vacated = slot.acceptEnded(token)
        case .reject: vacated = slot.acceptFailed(token)
        case .release, .keep:
            _ = slot.acceptCommitted(token, keeps: verdict == .keep)
            _ = slot.sidecarConnected(token)
            vacated = slot.sessionEnded(token)
        }
        return try #require(vacated)
    }

    @Test func slots() throws {
        let log = log
        log.slot(2, of: pool, .changed(SlotRow(slot: 2, state: .out, lease: nil, token: token)))
        log.slot(2, of: pool, .refused(lease, .stale))
        log.slot(2, of: pool, .served(lease, token))
        log.slot(2, of: pool, .vacated(try vacated(.none), .leaseEnded, bytes: (1, 2)))
        log.slot(2, of: pool, .vacated(try vacated(.reject(.failed)), .redisSilent, bytes: (1, 2)))
        log.slot(2, of: pool, .vacated(try vacated(.keep), .clientEnded, bytes: (1, 2)))
        log.slot(2, of: pool, .vacated(try vacated(.release), .ordered(reason: "drained"), bytes: (1, 2)))
        let ours = #""lease":"\#(lease)","slot":2"#
        let bytes = #""bytes_from_client":1,"bytes_to_client":2"#
        #expect(
            told == [
                #""level":"error","event":"slot","msg":"A slot is out","slot":2,"state":"out","token":"\#(token)","pool":"a:b""#,
                #""level":"info","event":"reject","msg":"A grant was refused",\#(ours),"pool":"a:b","reason":"stale""#,
                #""level":"info","event":"session","msg":"A client is served",\#(ours),"token":"\#(token)","pool":"a:b""#,
                #""level":"info","event":"reject","msg":"A lease was over before its proof",\#(ours),"pool":"a:b","#
                    + #""reason":"lease_ended""#,
                #""level":"warning","event":"reject","msg":"A lease ended before its proof: redis",\#(ours),"pool":"a:b","#
                    + #""reason":"failed""#,
                #""level":"info","event":"keep","msg":"A client left, and its slot is kept for it",\#(ours),"#
                    + #""token":"\#(token)","pool":"a:b","reason":"client_ended",\#(bytes)"#,
                #""level":"info","event":"end","msg":"A session ended",\#(ours),"token":"\#(token)","pool":"a:b","#
                    + #""reason":"drained",\#(bytes)"#,
            ])
    }

    @Test func sidecars() {
        let words = LastWords(stdout: Array("one\ntwo\n".utf8), stderr: [])
        let ending = SidecarEnding(exit: "code(1)", words: words, droppedBytes: 3, left: 2)
        log.sidecar(0, of: pool, pid: 9, .exited(ending, failure: "code(1): two"))
        log.sidecar(0, of: pool, pid: nil, .startFailed(WorkerFailure("no such program")))
        let ours = #""sidecar":0,"pid":9,"state""#
        #expect(
            told == [
                #""level":"warning","event":"sidecar","msg":"A sidecar ended: code(1): two",\#(ours):"exited","#
                    + #""pool":"a:b","dropped_bytes":3"#,
                #""level":"error","event":"sidecar","msg":"Processes of a sidecar cannot be ended",\#(ours):"left","#
                    + #""pool":"a:b","processes":2"#,
                #""level":"info","event":"sidecar","msg":"one",\#(ours):"output","pool":"a:b""#,
                #""level":"info","event":"sidecar","msg":"two",\#(ours):"output","pool":"a:b""#,
                #""level":"error","event":"sidecar","msg":"no such program","sidecar":0,"state":"failed","pool":"a:b""#,
            ])
    }

    @Test func protocolLogs() {
        let log = log
        func report(_ disk: UInt64, _ failure: String?) -> WorkerEvent {
            var dropped = ProtocolLogBudget.Dropped()
            dropped.sampled = 7
            dropped.disk = disk
            return .protocolLog(
                ProtocolLogReport(
                    lease: lease, slot: 2, pool: "a:b", name: "x-1.jsonl", messages: 9, dropped: dropped,
                    failure: failure))
        }
        log.worker(report(0, nil))
        log.worker(report(3, nil))
        log.worker(report(3, "write: no space left on device"))
        log.worker(.protocolLogOff(pool))
        log.worker(.protocolLogFolder("/x", words: "mkdir: no"))
        func line(_ disk: Int) -> String {
            #""lease":"\#(lease)","slot":2,"pool":"a:b","file":"x-1.jsonl","messages":9,"dropped_sampled":7,"#
                + #""dropped_full":0,"dropped_disk":\#(disk)"#
        }
        let lacks = #""level":"warning","event":"protocol_log","msg":"A session's protocol log lacks messages: "#
        #expect(
            told == [
                #""level":"info","event":"protocol_log","msg":"A session's protocol log is closed","# + line(0),
                lacks + #"the disk was too slow","# + line(3),
                lacks + #"write: no space left on device","# + line(3),
                #""level":"warning","event":"protocol_log_off","msg":"A client asked for a protocol log; its pool has none "#
                    + #"(protocolLog in the table pools)","pool":"a:b""#,
                #""level":"warning","event":"protocol_log_folder","msg":"Sessions have no protocol logs, because their "#
                    + #"folder cannot be used: mkdir: no. Set worker.protocolLogFolder to a folder of the worker's user","#
                    + #""folder":"/x""#,
            ])
    }

    /// From then on each line names the worker.
    @Test func theWorkerItself() throws {
        let log = log
        let id = try #require(ProcessID(node: "n", generation: 1))
        log.worker(.sweptLeftovers(processes: 1))
        log.worker(.listening(id, address: "127.0.0.1:1", slots: 2, fleet: "f"))
        log.worker(.registered(again: true))
        #expect(
            told == [
                #""level":"warning","event":"leftovers","msg":"Sidecars of an earlier worker were killed","processes":1"#,
                #""level":"info","event":"listening","msg":"The worker listens","worker":"\#(id)","address":"127.0.0.1:1","#
                    + #""slots":2,"fleet":"f""#,
                #""level":"info","event":"registered","msg":"The worker is registered again","worker":"\#(id)""#,
            ])
    }
}
