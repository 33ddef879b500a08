import EventLoop
import Queue
import QueueCore
import Testing

@testable import Worker

/// What a worker makes of connections that want something from it.
@Suite struct WireTests {
    private func probe(_ bench: Bench, secret: [UInt8], fleet: String = "f", worker: ProcessID? = nil) -> (Peer, String)
    {
        let probe = Wire.ProbeRequest(
            fleet: fleet, worker: worker ?? bench.id, nonce: Crypto.randomHex(bytes: 16))
        let line = Wire.line(signed: probe.signed, mac: Crypto.hmacSHA256(key: secret, probe.signed))
        let answer = Wire.aliveLine(mac: Crypto.hmacSHA256(key: secret, probe.aliveSigned))
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
