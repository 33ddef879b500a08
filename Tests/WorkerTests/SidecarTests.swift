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
                "echo noise; touch $TMPDIR/file; pwd > $TMPDIR/pwd; echo 'listening on ws://STUB/x' >&2; exec sleep 600",
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
                "import signal, time; signal.signal(15, signal.SIG_IGN); print('ws://STUB'); time.sleep(600)",
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
        let bench = try Bench(command: ["sh", "-c", "echo ws://STUB/x; exec sleep 600"])
        bench.startAll()
        bench.stub.close()
        let grant = bench.grant(5)
        let peer = bench.dial(grant)
        bench.wait { peer.isEnded }
        #expect(peer.text == bench.rejection(grant, .failed))
        bench.wait { bench.lines.filter { $0.contains("\"state\":\"starting\"") }.count == 2 }
        #expect(bench.ledger.entries.contains(.reject(grant.lease, 0, grant.token, .failed, false)))
        #expect(!bench.ledger.isReady(0, grant.token))
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

    /// The cause is one of many lines, and the last ones are an interpreter's own.
    @Test func whatADyingSidecarSaysIsLoggedAndTheBestLineIsTold() throws {
        let script = """
            for n in $(seq 60); do echo "step $n"; done
            echo 'chromium: error while loading shared libraries: libnss3.so: cannot open shared object file' >&2
            printf '    at launch (x.js:1:1)\\n\\nNode.js v26.1.0\\n' >&2
            exit 127
            """
        let bench = try Bench(slots: 2, command: ["sh", "-c", script])
        var told: [String] = []
        bench.board.onTrouble = { told.append("\($0): \($1)") }
        bench.board.start()
        bench.wait { bench.board.table.indices.allSatisfy { bench.board.table[$0].state == .out } }
        let cause = "chromium: error while loading shared libraries: libnss3.so: cannot open shared object file"
        #expect(bench.board.trouble == "slots 0, 1: code(127): \(cause)")
        #expect(told.count == 1 && told[0].hasSuffix("code(127): \(cause)"))
        let output = bench.lines.filter { $0.contains("\"state\":\"output\"") }
        #expect(output.count { $0.contains("libnss3") } == 10, "two slots, five starts each")
        #expect(output.count { $0.contains("\"msg\":\"step ") } == 10 * 40)
        #expect(!output.contains { $0.contains("\"msg\":\"step 20\"") } && output.contains { $0.contains("step 21") })
        bench.close()
        #expect(bench.board.trouble == "")
    }

    @Test(arguments: [
        ("echo Chromium is up; exec sleep 600", "no ws:// URL came in 0 s; it printed: Chromium is up"),
        ("exec sleep 600", "no ws:// URL came in 0 s; it printed nothing"),
        ("echo wss://127.0.0.1:9/x; echo later; exec sleep 600", "wss://127.0.0.1:9/x is not served: Berth speaks"),
        ("echo Listening on ws://0.0.0.0:9/x; exec sleep 600", "ws://0.0.0.0:9/x is not served: a sidecar prints"),
    ])
    func oneThatNamesNoUsableURLIsToldByWhatItPrinted(script: String, words: String) throws {
        let bench = try Bench(command: ["sh", "-c", script], startTimeout: 300)
        bench.board.start()
        bench.wait { bench.board.trouble != "" }
        #expect(bench.board.trouble.contains(words))
        #expect(bench.lines.contains { $0.contains("\"level\":\"warning\"") && $0.contains(words) })
        bench.close()
    }

    @Test func aURLInASentenceIsFoundHoweverMuchNoiseThereIs() throws {
        let script = """
            head -c 3000000 /dev/zero; head -c 100000 /dev/urandom; echo; seq 30000; seq 30000 >&2
            echo 'Listening on ws://STUB/x'; exec sleep 600
            """
        let bench = try Bench(command: ["sh", "-c", script])
        bench.startAll()
        bench.close()
    }

    /// After its URL a sidecar may say what it likes: it is not stopped by a full pipe, and its last words are kept.
    @Test func outputBehindTheURLIsDroppedButForItsEnd() throws {
        let bench = try Bench(
            command: [
                "sh", "-c",
                "echo ws://STUB/x; head -c 3000000 /dev/zero; echo; echo boom: out of memory >&2; exit 9",
            ])
        bench.board.start()
        bench.wait { bench.board.trouble != "" }
        #expect(bench.board.trouble == "slot 0: code(9): boom: out of memory")
        let line = try #require(bench.lines.first { $0.contains("\"state\":\"exited\"") })
        #expect(line.contains("\"dropped_bytes\":29"))
        bench.close()
    }

    @Test func oneWithTooManyProcessesIsKilledWithAllOfThem() throws {
        let script = """
            import os, time
            for n in range(520):
                if os.fork() == 0:
                    os.setsid()
                    time.sleep(60)
                    os._exit(0)
            print("ws://STUB", flush=True)
            time.sleep(60)
            """
        let bench = try Bench(command: ["python3", "-c", script])
        bench.startAll()
        bench.wait { bench.board.trouble != "" }
        #expect(bench.board.trouble == "slot 0: it had more than 512 processes")
        // On a busy machine the census may fall between two forks.
        #expect(
            (513...521).contains { count in
                bench.lines.contains { $0.contains("A sidecar has \(count) processes, 512 are allowed") }
            })
        bench.close()
        bench.expectNothingLeft()
    }
}
