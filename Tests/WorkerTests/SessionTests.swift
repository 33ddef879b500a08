import EventLoop
import Queue
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// Leases from their grant to the slot's next `ready`, with a real sidecar process.
@Suite(.serialized) struct SessionTests {
    @Test func aSessionFromGrantToReady() throws {
        let bench = try Bench()
        bench.startAll()
        let grant = bench.grant(5)
        let peer = bench.dial(grant)
        bench.wait { peer.text.contains("\r\n\r\n") }
        let port = bench.lines.count
        #expect(port > 0)
        #expect(peer.text.hasPrefix(bench.proof(grant) + "GET /secret?a=b HTTP/1.1\r\nHost: 127.0.0.1:"))
        #expect(peer.text.hasSuffix("\r\nUpgrade: websocket\r\n\r\n"))
        peer.write("ping")
        bench.wait { peer.text.hasSuffix("ping") }
        #expect(bench.board.table[0].lease == grant.lease)
        peer.finish()
        bench.wait { bench.ledger.isReady(0, grant.token) }
        #expect(
            bench.ledger.entries == [
                .ready(0, .none), .accept(grant.lease, 0, grant.token),
                .release(grant.lease, 0, grant.token), .ready(0, grant.token),
            ])
        bench.close()
    }

    @Test func theNextClientMeetsANewSidecar() throws {
        let bench = try Bench()
        bench.startAll()
        var hosts: Set<String> = []
        for number in 1...3 {
            let grant = bench.grant(Int64(number))
            let peer = bench.dial(grant)
            bench.wait { peer.text.contains("\r\n\r\n") }
            hosts.insert(String(peer.text.split(separator: "\r\n").first { $0.hasPrefix("Host") } ?? ""))
            peer.close()
            bench.wait { bench.ledger.isReady(0, grant.token) }
        }
        #expect(hosts.count == 3)
        bench.close()
    }

    @Test func aDroppedClientMeetsTheSameSidecarAgain() throws {
        let bench = try Bench()
        bench.startAll()
        bench.ledger.reply = .accepted(keepSeconds: 60)
        var hosts: Set<String> = []
        let first = bench.grant(5)
        for attach in 1...3 {
            let grant = Wire.GrantRequest(
                fleet: first.fleet, worker: first.worker, slot: 0, lease: first.lease, attach: attach,
                token: first.token, nonce: Crypto.randomHex(bytes: 16))
            let peer = bench.dial(grant)
            bench.wait { peer.text.contains("\r\n\r\n") }
            hosts.insert(String(peer.text.split(separator: "\r\n").first { $0.hasPrefix("Host") } ?? ""))
            peer.close()
            bench.wait { bench.ledger.entries.contains(.keep(grant.lease, 0, grant.token, attach)) }
        }
        #expect(hosts.count == 1)
        bench.board.close(first.lease, reason: "test")
        bench.wait { bench.ledger.isReady(0, first.token) }
        #expect(bench.ledger.entries.contains(.release(first.lease, 0, first.token)))
        bench.close()
    }

    @Test func noByteReachesTheSidecarBeforeTheAccept() throws {
        let bench = try Bench()
        bench.startAll()
        bench.ledger.reply = nil
        let grant = bench.grant(5)
        let peer = bench.dial(grant)
        bench.wait { bench.ledger.unanswered.count == 1 }
        // The sidecar's connection stands by then; nothing goes either way.
        _ = bench.loop.run(until: { !peer.text.isEmpty }, timeoutMilliseconds: 100)
        #expect(peer.text == "")
        bench.ledger.unanswered[0](.accepted())
        bench.wait { peer.text.hasPrefix(bench.proof(grant)) && peer.text.contains("\r\n\r\n") }
        bench.close()
    }

    @Test(arguments: [AcceptReply.failed, .ended]) func anAcceptThatDoesNotStand(reply: AcceptReply) throws {
        let bench = try Bench()
        bench.startAll()
        bench.ledger.reply = reply
        let grant = bench.grant(5)
        let peer = bench.dial(grant)
        bench.wait { peer.isEnded }
        #expect(peer.text == bench.rejection(grant, .failed))
        let verdict: [LedgerRecord.Entry] =
            reply == .failed ? [.reject(grant.lease, 0, grant.token, .failed, false)] : []
        #expect(
            bench.ledger.entries == [.ready(0, .none), .accept(grant.lease, 0, grant.token)] + verdict
                + [.ready(0, grant.token)])
        // The sidecar has seen nothing and serves the next one.
        #expect(bench.lines.filter { $0.contains("\"state\":\"starting\"") }.count == 1)
        bench.close()
    }

    @Test func aGatewayThatVanishesBeforeTheProof() throws {
        let bench = try Bench()
        bench.startAll()
        bench.ledger.reply = nil
        let grant = bench.grant(5)
        let peer = bench.dial(grant)
        bench.wait { bench.ledger.unanswered.count == 1 }
        peer.close()
        bench.wait { bench.ledger.isReady(0, grant.token) }
        #expect(bench.ledger.entries.contains(.reject(grant.lease, 0, grant.token, .gone, false)))
        // The late answer finds nobody.
        bench.ledger.unanswered[0](.accepted())
        #expect(bench.board.table[0].lease == nil)
        bench.close()
    }

    @Test func staleOccupiedAndCopiedGrants() throws {
        let bench = try Bench()
        bench.startAll()
        let grant = bench.grant(5)
        let peer = bench.dial(grant)
        bench.wait { peer.text.contains("\r\n\r\n") }

        let newer = bench.grant(6)
        let occupied = bench.dial(newer)
        bench.wait { occupied.isEnded }
        #expect(occupied.text == bench.rejection(newer, .occupied))
        #expect(bench.ledger.entries.last == .reject(newer.lease, 0, newer.token, .occupied, false))

        let older = bench.grant(4)
        let stale = bench.dial(older)
        bench.wait { stale.isEnded }
        #expect(stale.text == bench.rejection(older, .stale))
        #expect(bench.ledger.entries.last == .reject(older.lease, 0, newer.token, .stale, false))

        let count = bench.ledger.entries.count
        let copy = bench.dial(newer)
        bench.wait { copy.isEnded }
        #expect(copy.text == "")
        #expect(bench.ledger.entries.count == count)

        peer.write("still here")
        bench.wait { peer.text.hasSuffix("still here") }
        peer.finish()
        bench.wait { bench.ledger.isReady(0, newer.token) }
        bench.close()
    }

    @Test func aSidecarThatExitsEndsItsSessionAndItsLastBytesArrive() throws {
        let bench = try Bench(leave: 10_000)
        bench.startAll()
        let grant = bench.grant(5)
        let peer = bench.dial(grant, head: "GET / HTTP/1.1\r\nX-Last: 1\r\n\r\n")
        bench.wait { peer.isEnded }
        #expect(peer.text.hasSuffix("\r\nX-Last: 1\r\n\r\n"))
        bench.wait { bench.ledger.isReady(0, grant.token) }
        #expect(bench.ledger.entries.contains(.release(grant.lease, 0, grant.token)))
        // An exit is a failure, status 0 too.
        #expect(bench.lines.contains { $0.contains("\"state\":\"exited\"") && $0.contains("\"level\":\"warning\"") })
        bench.close()
    }

    @Test func fiveDeathsInAMinutePutTheSlotOut() throws {
        let bench = try Bench(leave: 10_000)
        bench.startAll()
        for number in 1...5 {
            let grant = bench.grant(Int64(number))
            let peer = bench.dial(grant, head: "GET / HTTP/1.1\r\nX-Die: 1\r\n\r\n")
            bench.wait { peer.isEnded }
            if number < 5 { bench.wait { bench.ledger.isReady(0, grant.token) } }
        }
        bench.wait { bench.board.table[0].state == .out }
        #expect(bench.ledger.entries.last == .changed)
        let grant = bench.grant(9)
        let peer = bench.dial(grant)
        bench.wait { peer.isEnded }
        #expect(peer.text == bench.rejection(grant, .failed))
        bench.close()
    }

    @Test func anOrderToCloseEndsTheSession() throws {
        let bench = try Bench(slots: 2)
        bench.startAll()
        let grant = bench.grant(5, slot: 1)
        let peer = bench.dial(grant)
        bench.wait { peer.text.contains("\r\n\r\n") }
        bench.board.close(grant.lease, reason: "request")
        bench.wait { peer.isEnded && bench.ledger.isReady(1, grant.token) }
        #expect(bench.ledger.entries.contains(.release(grant.lease, 1, grant.token)))
        bench.board.recycle(1, token: Token(epoch: 1, number: 7))
        #expect(bench.ledger.entries.last == .ready(1, Token(epoch: 1, number: 7)))
        bench.close()
    }

    @Test func aDrainWaitsForItsSession() throws {
        let bench = try Bench(slots: 2)
        bench.startAll()
        let grant = bench.grant(5)
        let peer = bench.dial(grant)
        bench.wait { peer.text.contains("\r\n\r\n") }
        bench.board.drain()
        let late = bench.dial(bench.grant(6, slot: 1))
        bench.wait { late.isEnded }
        peer.write("still here")
        bench.wait { peer.text.hasSuffix("still here") }
        #expect(!bench.board.isStopped)
        peer.finish()
        bench.wait { bench.board.isStopped }
        #expect(!bench.ledger.isReady(0, grant.token))
        bench.close()
    }

    /// The slot does not wait until its last client has read everything and closed.
    @Test func aSlotIsReleasedWhenItsSidecarHasEndedTheConnection() throws {
        let bench = try Bench(seating: Seating(mode: .shared(seats: 1, sessionsMax: 9)))
        bench.startAll()
        let grant = bench.grant(5)
        let peer = bench.dial(grant, head: "GET / HTTP/1.1\r\nX-Bye: 1\r\n\r\n")
        bench.wait { bench.ledger.isReady(0, grant.token) }
        bench.wait { peer.isEnded }
        #expect(peer.text.hasSuffix("X-Bye: 1\r\n\r\n"))
        bench.close()
    }

    /// Sidecars that take the connection and the head, and stay silent, until the third one.
    private static let silent = [
        "python3", "-u", "-c",
        """
        import os, socket, sys
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen()
        print(f"ws://127.0.0.1:{s.getsockname()[1]}/", flush=True)
        while True:
            c, _ = s.accept()
            got = b""
            while b"\\r\\n\\r\\n" not in got:
                got += c.recv(65536)
            if b"berth-probe" in got: c.sendall(b"HTTP/1.1 101 Probed\\r\\n\\r\\n")
            elif b"X-Silent: 1" not in got: c.sendall(got)
            c.recv(65536)
        """,
    ]

    @Test func aSidecarThatAnswersNothingIsGivenUpInTimeAndCountsAsFailed() throws {
        let bench = try Bench(command: SessionTests.silent, firstByte: 1_000)
        bench.startAll()
        let grant = bench.grant(5)
        let peer = bench.dial(grant, head: "GET / HTTP/1.1\r\nX-Silent: 1\r\n\r\n")
        bench.wait { peer.isEnded }
        // Nothing but the proof: the gateway says the rest to its client.
        #expect(peer.text == bench.proof(grant))
        bench.wait { bench.ledger.isReady(0, grant.token) }
        #expect(bench.ledger.entries.contains(.release(grant.lease, 0, grant.token)))
        #expect(bench.lines.contains { $0.contains("\"event\":\"end\"") && $0.contains("\"reason\":\"first_byte\"") })
        // Its successor serves the next client.
        let next = bench.grant(6)
        let served = bench.dial(next)
        bench.wait { served.text.contains("\r\n\r\n") }
        bench.close()
    }

    @Test func onlyTheSilentSidecarIsCondemned() throws {
        let bench = try Bench(slots: 2, command: SessionTests.silent, firstByte: 100)
        bench.startAll()
        let other = bench.board.sidecarPID(1)
        for number in 1...5 {
            let grant = bench.grant(Int64(number))
            let peer = bench.dial(grant, head: "GET / HTTP/1.1\r\nX-Silent: 1\r\n\r\n")
            bench.wait { peer.isEnded }
            if number < 5 { bench.wait { bench.ledger.isReady(0, grant.token) } }
        }
        // Five failures in a minute put a slot out.
        bench.wait { bench.board.table[0].state == .out }
        #expect(bench.board.sidecarPID(1) == other)
        #expect(bench.board.table[1].state == .free)
        bench.close()
    }
}
