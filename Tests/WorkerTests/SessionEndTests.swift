import EventLoop
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// Sessions that the worker ends, and what their clients read.
@Suite(.serialized) struct SessionEndTests {
    /// A sidecar that answers 101, and a frame with `ok` to whatever arrives; it dies of a frame with `die`.
    private static let sidecar = [
        "python3", "-u", "-c",
        """
        import socket, sys
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen()
        print(f"ws://127.0.0.1:{s.getsockname()[1]}/", flush=True)
        while True:
            c, _ = s.accept()
            got = b""
            while b"\\r\\n\\r\\n" not in got: got += c.recv(65536)
            c.sendall(b"HTTP/1.1 101 Served\\r\\n\\r\\n")
            if b"berth-probe" in got:
                c.close()
                continue
            while got:
                got = c.recv(65536)
                if b"die" in got: sys.exit(0)
                if got: c.sendall(b"\\x81\\x02ok")
            c.close()
        """,
    ]

    /// A client's frame. A mask of zeros leaves the payload as it is.
    private static func frame(_ opcode: UInt8, _ payload: String) -> [UInt8] {
        [0x80 | opcode, 0x80 | UInt8(payload.utf8.count), 0, 0, 0, 0] + Array(payload.utf8)
    }

    private func serve(_ bounds: SessionBounds = .none) throws -> (Bench, Wire.GrantRequest, Peer) {
        let bench = try Bench(command: SessionEndTests.sidecar)
        bench.startAll()
        let grant = bench.grant(5, bounds: bounds)
        let peer = bench.dial(grant)
        bench.wait { peer.text.hasSuffix("101 Served\r\n\r\n") }
        return (bench, grant, peer)
    }

    /// Waits until the slot is ready again, then closes the bench.
    /// - Returns: the status and words of the Close frame, or nil.
    private func end(_ bench: Bench, _ grant: Wire.GrantRequest, _ peer: Peer) -> (UInt16, String)? {
        bench.wait { peer.isEnded && bench.ledger.isReady(0, grant.token) }
        #expect(bench.ledger.entries.contains(.release(grant.lease, 0, grant.token)))
        bench.close()
        let start = Array("101 Served\r\n\r\n".utf8)
        var rest = peer.bytes[...]
        while !rest.starts(with: start), !rest.isEmpty { rest.removeFirst() }
        rest = rest.dropFirst(start.count)
        while rest.starts(with: [0x81, 2]) { rest = rest.dropFirst(4) }
        guard rest.count >= 4, rest.first == 0x88 else { return nil }
        let frame = Array(rest)
        #expect(Int(frame[1]) == frame.count - 2)
        return (UInt16(frame[2]) << 8 | UInt16(frame[3]), String(decoding: frame[4...], as: UTF8.self))
    }

    @Test func theClientsOwnTTLEndsItsSession() throws {
        let (bench, grant, peer) = try serve(SessionBounds(ttlMilliseconds: 200))
        let close = try #require(end(bench, grant, peer))
        #expect(close == (1001, "The session reached the ttl that its client asked for"))
        #expect(bench.lines.contains { $0.contains("\"event\":\"end\"") && $0.contains("\"reason\":\"ttl\"") })
    }

    @Test func aSessionWithoutMessagesEndsAfterItsIdleTime() throws {
        let (bench, grant, peer) = try serve(SessionBounds(ttlMilliseconds: 60_000, idleMilliseconds: 2_000))
        peer.write(SessionEndTests.frame(1, "hello"))
        bench.wait { peer.text.hasSuffix("ok") }
        let close = try #require(end(bench, grant, peer))
        #expect(close == (1001, "No message passed for the idle time that the client asked for"))
        #expect(bench.lines.contains { $0.contains("\"event\":\"end\"") && $0.contains("\"reason\":\"idle\"") })
    }

    @Test func aSidecarThatDiesIsNamedToTheClient() throws {
        let (bench, grant, peer) = try serve()
        peer.write(SessionEndTests.frame(1, "die"))
        let close = try #require(end(bench, grant, peer))
        #expect(close.0 == 1011 && close.1.hasPrefix("The browser or program behind this session"))
    }

    @Test(arguments: [
        ("request", 1001, "The session was ended by request"),
        ("drained", 1012, "The worker shuts down, and its drain time is over; connect again"),
    ]) func anOrderIsWorded(reason: String, code: UInt16, words: String) throws {
        let (bench, grant, peer) = try serve()
        bench.board.close(grant.lease, reason: reason)
        let close = try #require(end(bench, grant, peer))
        #expect(close == (code, words))
    }

    /// The client knows why the session ends, because it began the end.
    @Test func aClientThatClosesReadsNoReason() throws {
        let (bench, grant, peer) = try serve()
        peer.write(SessionEndTests.frame(8, "die"))
        #expect(end(bench, grant, peer) == nil)
    }

    @Test func aLeaseEndsAfterItsTTLToo() throws {
        let seating = Seating(mode: .shared(seats: 1, sessionsMax: .max))
        let bench = try Bench(PoolPlan(pool: Pool("a|||raw")!, slots: 1, seating: seating)) { _ in LeaseKind(slots: 1) }
        bench.startAll()
        let grant = bench.grant(5, bounds: SessionBounds(ttlMilliseconds: 200, idleMilliseconds: 1))
        let peer = bench.dial(grant, head: upgradeHead)
        bench.wait { peer.isEnded && bench.ledger.isReady(0, grant.token) }
        let words = "The session reached the ttl that its client asked for"
        #expect(peer.bytes.suffix(words.utf8.count + 2).starts(with: [0x03, 0xE9]))
        #expect(peer.text.hasSuffix(words))
        #expect(bench.lines.contains { $0.contains("\"event\":\"end\"") && $0.contains("\"reason\":\"ttl\"") })
        bench.close()
    }
}
