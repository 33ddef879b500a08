import EventLoop
import Queue
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// What a worker makes of connections that want something from it.
@Suite struct WireTests {
    private func probe(_ bench: Bench, secret: [UInt8], fleet: String = "f", worker: ProcessID? = nil) -> (Peer, String)
    {
        let probe = Wire.ProbeRequest(
            fleet: fleet, worker: worker ?? bench.id, nonce: Crypto.randomHex(bytes: 16))
        let line = Wire.line(signed: probe.signed, mac: SigningKey(secret).sign(probe.signed))
        let answer = Wire.aliveLine(mac: SigningKey(secret).sign(probe.aliveSigned))
        return (Peer(loop: bench.loop, port: bench.listener.port, greeting: line), answer)
    }

    @Test func aProbeIsAnsweredWithTheSecretItCameWith() throws {
        let bench = try Bench()
        for secret in [Bench.secret, Bench.otherSecret] {
            let (peer, answer) = probe(bench, secret: secret)
            bench.wait { peer.isEnded }
            #expect(peer.text == answer)
        }
        bench.close()
    }

    @Test func strangersAreClosedWithoutAWord() throws {
        let bench = try Bench()
        let other = ProcessID(node: "other", generation: 1)!
        let grant = bench.grant(1)
        let tampered = bench.line(grant).replacing(" 0 ", with: " 1 ")
        let peers =
            [
                probe(bench, secret: Array("wrong".utf8)).0, probe(bench, secret: Bench.secret, fleet: "g").0,
                probe(bench, secret: Bench.secret, worker: other).0,
            ]
            + [
                "GET / HTTP/1.1\r\n\r\n", "\r\n", "\n", "BERTH1\r\n", String(repeating: "x", count: Wire.lineMax),
                tampered + Bench.head, bench.line(grant, secret: Array("wrong".utf8)) + Bench.head,
                bench.line(grant) + Bench.head + "x", bench.line(grant) + "POST / HTTP/1.1\r\n\r\n",
                bench.line(grant).replacing("\r\n", with: "\n") + Bench.head,
            ].map { Peer(loop: bench.loop, port: bench.listener.port, greeting: $0) }
        bench.wait { peers.allSatisfy(\.isEnded) }
        #expect(peers.allSatisfy { $0.text == "" })
        #expect(bench.ledger.entries == [])
        bench.close()
    }

    /// A line or a head of one byte too many, after a valid grant too.
    @Test func whatAPeerSendsIsBounded() throws {
        let bench = try Bench()
        let field = "GET / HTTP/1.1\r\nX: "
        let tooLong = field + String(repeating: "x", count: SidecarHead.bytesMax - field.utf8.count + 1)
        let peers = [
            String(repeating: "x", count: Wire.lineMax), String(repeating: "x", count: Wire.lineMax) + "\r\n",
            bench.line(bench.grant(1)) + tooLong,
        ].map { Peer(loop: bench.loop, port: bench.listener.port, greeting: $0) }
        let silent = Peer(loop: bench.loop, port: bench.listener.port, greeting: "BERTH1 GR")
        bench.wait { peers.allSatisfy(\.isEnded) }
        #expect(!silent.isEnded, "they are closed for their length, not for their time")
        silent.close()
        #expect(peers.allSatisfy { $0.text == "" })
        #expect(bench.ledger.entries == [])
        bench.close()
    }

    @Test func aCopyOfARequestIsClosedWithoutAWord() throws {
        let bench = try Bench()
        bench.startAll()
        let request = Wire.ProbeRequest(fleet: "f", worker: bench.id, nonce: Crypto.randomHex(bytes: 16))
        let line = Wire.line(signed: request.signed, mac: SigningKey(Bench.secret).sign(request.signed))
        let grant = bench.grant(5)
        let text = bench.line(grant) + Bench.head
        for greeting in [line, text] {
            let first = Peer(loop: bench.loop, port: bench.listener.port, greeting: greeting)
            bench.wait { first.text.hasPrefix("BERTH1 ") }
            let copy = Peer(loop: bench.loop, port: bench.listener.port, greeting: greeting)
            bench.wait { copy.isEnded }
            #expect(copy.text == "")
            first.close()
        }
        bench.wait { bench.ledger.isReady(0, grant.token) }
        #expect(bench.ledger.entries.count { if case .accept = $0 { true } else { false } } == 1)
        #expect(bench.lines.count { $0.contains("\"event\":\"stranger\"") } == 1, "one peer, one line a minute")
        bench.close()
    }

    /// A stale grant with fresh nonces, as a gateway that is told of it again and again sends it.
    @Test func redisHearsOnceOfAStaleGrant() throws {
        let bench = try Bench()
        bench.startAll()
        bench.board.recycle(0, token: Token(epoch: 1, number: 9))
        for _ in 1...3 {
            let stale = bench.grant(5)
            let peer = bench.dial(stale)
            bench.wait { peer.isEnded }
            #expect(peer.text == bench.rejection(stale, .stale))
        }
        #expect(bench.ledger.entries.count { if case .reject = $0 { true } else { false } } == 1)
        bench.close()
    }

    @Test(arguments: ["secret", "fleet", "worker"]) func aWorkerSaysWhatItDoesNotAnswer(kind: String) throws {
        let bench = try Bench()
        let other = ProcessID(node: "other", generation: 1)!
        let peer =
            switch kind {
            case "secret": probe(bench, secret: Bench.secret + [0x0D]).0
            case "fleet": probe(bench, secret: Bench.secret, fleet: "g").0
            default: probe(bench, secret: Bench.secret, worker: other).0
            }
        bench.wait { peer.isEnded }
        #expect(peer.text == "")
        let words = ["secret": "NODE_SECRET differs", "fleet": "of the fleet g", "worker": "the worker \(other)"]
        let lines = bench.lines.filter { $0.contains("\"event\":\"stranger\"") }
        #expect(lines.count == 1)
        #expect(lines.first?.contains(try #require(words[kind])) == true && lines.first?.contains("127.0.0.1:") == true)
        bench.close()
    }

    /// The flood's connections stand in the backlog before and behind the gateway's: all are accepted in one turn.
    @Test(arguments: ["127.0.0.2", "127.0.0.1"]) func aFloodClosesItsOwnAndNoGateways(from: String) throws {
        let bench = try Bench(connectionsMax: 8)
        bench.startAll()
        var sockets = (0..<64).map { _ in Flood.connect(from: from, to: bench.listener.port) }
        let asked = (0..<4).map { _ in
            let request = Wire.ProbeRequest(fleet: "f", worker: bench.id, nonce: Crypto.randomHex(bytes: 16))
            let line = Wire.line(signed: request.signed, mac: SigningKey(Bench.secret).sign(request.signed))
            let socket = Flood.connect(from: "127.0.0.3", to: bench.listener.port)
            Flood.write(line, to: socket)
            return (socket, Wire.aliveLine(mac: SigningKey(Bench.secret).sign(request.aliveSigned)))
        }
        sockets += (0..<64).map { _ in Flood.connect(from: from, to: bench.listener.port) }
        var answers = Array(repeating: "", count: asked.count)
        bench.wait {
            for index in asked.indices { answers[index] += Flood.read(asked[index].0) }
            return zip(answers, asked).allSatisfy { $0 == $1.1 }
        }
        let grant = bench.grant(5)
        let peer = bench.dial(grant)
        bench.wait { peer.text.hasPrefix(bench.proof(grant)) }
        for socket in sockets + asked.map(\.0) { Flood.close(socket) }
        bench.close()
    }

    @Test func silenceIsClosedInTime() throws {
        let bench = try Bench()
        let peers = ["", "BERTH1 GR", bench.line(bench.grant(1)) + "GET / HT"].map {
            Peer(loop: bench.loop, port: bench.listener.port, greeting: $0)
        }
        bench.wait { peers.allSatisfy(\.isEnded) }
        #expect(peers.allSatisfy { $0.text == "" })
        bench.close()
    }

    @Test func aGrantMayComeByteByByte() throws {
        let bench = try Bench()
        bench.startAll()
        let grant = bench.grant(1)
        let text = bench.line(grant) + Bench.head
        let peer = Peer(loop: bench.loop, port: bench.listener.port, greeting: String(text.prefix(1)))
        bench.wait { peer.stream != nil }
        for character in text.dropFirst() {
            // A CRLF is one Character.
            for byte in String(character).utf8 {
                peer.stream?.write([byte])
                _ = bench.loop.run(until: { true }, timeoutMilliseconds: 0)
            }
        }
        bench.wait { peer.text.hasPrefix(bench.proof(grant)) }
        bench.close()
    }

    @Test func aGrantSignedWithTheOtherSecretIsProvenWithIt() throws {
        let bench = try Bench()
        bench.startAll()
        let grant = bench.grant(1)
        let peer = bench.dial(grant, secret: Bench.otherSecret)
        bench.wait { peer.text.hasPrefix(bench.proof(grant, secret: Bench.otherSecret)) }
        bench.close()
    }

    @Test func aSlotThatDoesNotExist() throws {
        let bench = try Bench()
        bench.startAll()
        let peer = bench.dial(bench.grant(1, slot: 7))
        bench.wait { peer.isEnded }
        #expect(bench.ledger.entries == [.ready(0, .none)])
        bench.close()
    }
}
