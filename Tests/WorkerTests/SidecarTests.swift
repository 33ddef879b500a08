import EventLoop
import QueueCore
import Testing

@testable import Worker

/// Sidecars as processes: what they say, how they end, what is left of them.
@Suite struct SidecarTests {
    @Test func anEndpointOnStandardErrorAndATempFolderOfItsOwn() throws {
        let bench = try Bench(
            command: [
                "sh", "-c",
                "echo noise; touch $TMPDIR/file; pwd > $TMPDIR/pwd; echo 'listening on ws://127.0.0.1:9/x' >&2; exec sleep 600",
            ])
        bench.startAll()
        let folder = "\(bench.folder)/0-1"
        #expect(Files.exists("\(folder)/file"))
        #expect(Files.read("\(folder)/pwd", bytesMax: 200) == folder + "\n")
        bench.close()
    }

    @Test func oneThatIgnoresSIGTERMIsKilled() throws {
        let bench = try Bench(
            command: [
                "python3", "-u", "-c",
                "import signal, time; signal.signal(15, signal.SIG_IGN); print('ws://127.0.0.1:9'); time.sleep(600)",
            ])
        bench.startAll()
        bench.board.drain()
        let started = bench.loop.now
        bench.wait { bench.board.isStopped }
        #expect(bench.loop.now - started >= 2_000)
        #expect(bench.lines.contains { $0.contains("signal(9)") })
        bench.close()
    }

    @Test func oneThatCannotBeConnectedIsCondemned() throws {
        let bench = try Bench(command: ["sh", "-c", "echo ws://127.0.0.1:1/x; exec sleep 600"])
        bench.startAll()
        let grant = bench.grant(5)
        let peer = bench.dial(grant)
        bench.wait { peer.isEnded }
        #expect(peer.text == bench.rejection(grant, .failed))
        bench.wait { bench.ledger.isReady(0, grant.token) }
        #expect(bench.ledger.entries.contains(.reject(grant.lease, 0, grant.token, .failed, false)))
        #expect(bench.lines.filter { $0.contains("\"state\":\"starting\"") }.count == 2)
        bench.close()
    }

    @Test(arguments: [["/nowhere/program"], ["sh", "-c", "echo broken >&2; exit 3"]])
    func oneThatDoesNotStartIsTriedAgainUntilItsSlotIsOut(command: [String]) throws {
        let bench = try Bench(command: command)
        bench.board.start()
        bench.wait { bench.board.table[0].state == .out }
        #expect(bench.ledger.entries == [.changed])
        let failures = bench.lines.filter { $0.contains("/nowhere/program") || $0.contains("code(3): broken") }
        #expect(failures.count == 5)
        bench.close()
    }
}
