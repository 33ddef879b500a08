import EventLoop
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// Endpoints that run already.
@Suite struct AttachKindTests {
    private let pool = Pool("a|||raw")!

    @Test func aSidecarKeepsItsEndpoint() throws {
        let endpoints = AttachedEndpoints(try ["ws://h:1", "ws://h:2"].map { try AttachAddress($0) })
        #expect(endpoints.take(for: 7)?.port == 1 && endpoints.take(for: 4)?.port == 2)
        #expect(endpoints.take(for: 9) == nil)
        endpoints.giveBack(for: 7)
        endpoints.giveBack(for: 4)
        #expect(endpoints.take(for: 4)?.port == 2 && endpoints.take(for: 7)?.port == 1)
        // Sidecar 7 retired, and 9 follows it.
        endpoints.giveBack(for: 7)
        #expect(endpoints.take(for: 9)?.port == 1)
        #expect(endpoints.take(for: 7) == nil)
    }

    @Test func nothingIsStartedAndEachSessionReachesTheSameServer() throws {
        let bench = try Bench(PoolPlan(pool: pool, slots: 1)) { stub in
            AttachKind([try! AttachAddress("ws://127.0.0.1:\(stub.port)/secret")])
        }
        bench.startAll()
        for number in 1...2 {
            let grant = bench.grant(Int64(number))
            let peer = bench.dial(grant, head: upgradeHead)
            bench.wait { peer.isEnded }
            let answer = bench.proof(grant) + "HTTP/1.1 101 Probed\r\n\r\n"
            #expect(peer.bytes == Array(answer.utf8) + ClosingWords.sidecarEnded.frame)
            bench.wait { bench.ledger.isReady(0, grant.token) }
        }
        #expect(bench.board.sidecarPID(0) == nil)
        #expect(bench.lines.count { $0.contains("A sidecar ended: released") } == 2)
        bench.close()
    }

    @Test func anEndpointThatIsDownIsNamed() throws {
        let bench = try Bench(PoolPlan(pool: pool, slots: 1)) { stub in
            let port = stub.port
            stub.close()
            return AttachKind([try! AttachAddress("ws://127.0.0.1:\(port)/x")])
        }
        bench.board.start()
        bench.wait { bench.board.trouble != "" }
        let words = bench.board.trouble
        #expect(words.hasPrefix("slot 0: unreachable: ws://127.0.0.1:"), "\(words)")
        #expect(words.hasSuffix("/x: it took no connection, or no WebSocket handshake"), "\(words)")
        bench.close()
    }

    /// Something that is no browser.
    @Test func aServerThatTellsNoSocketIsNamed() throws {
        let bench = try Bench(PoolPlan(pool: pool, slots: 1)) { stub in
            AttachKind([try! AttachAddress("http://127.0.0.1:\(stub.port)")])
        }
        bench.board.start()
        bench.wait { bench.board.trouble != "" }
        #expect(bench.board.trouble.hasSuffix(": it answered HTTP/1.1 101 Probed"), "\(bench.board.trouble)")
        bench.close()
    }

    /// `localhost` has two addresses on most machines, and the stub listens on one.
    @Test func eachAddressOfANameIsTried() throws {
        let bench = try Bench(PoolPlan(pool: pool, slots: 1)) { stub in
            AttachKind([try! AttachAddress("ws://localhost:\(stub.port)/x")])
        }
        bench.startAll()
        bench.close()
    }

    @Test func aNameWithoutAddressIsNamed() throws {
        let bench = try Bench(PoolPlan(pool: pool, slots: 1)) { stub in
            AttachKind([try! AttachAddress("ws://nowhere.invalid:\(stub.port)/x")])
        }
        bench.board.start()
        bench.wait { bench.board.trouble != "" }
        #expect(bench.board.trouble.contains("ws://nowhere.invalid:"), "\(bench.board.trouble)")
        #expect(!bench.board.trouble.contains("handshake"))
        bench.close()
    }
}
