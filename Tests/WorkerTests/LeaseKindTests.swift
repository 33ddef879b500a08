import EventLoop
import QueueCore
import Testing
import WorkerCore

@testable import Worker

/// Slots without a process: the connection stands for what the client holds.
@Suite struct LeaseKindTests {
    private func bench(_ kind: LeaseKind, slots: Int) throws -> Bench {
        let seating = Seating(mode: .shared(seats: slots, sessionsMax: .max))
        return try Bench(PoolPlan(pool: Pool("a|||raw")!, slots: slots, seating: seating)) { _ in kind }
    }

    private func serve(_ bench: Bench, _ number: Int64, slot: Int = 0) -> Peer {
        let grant = bench.grant(number, slot: slot)
        let peer = bench.dial(grant, head: upgradeHead)
        bench.wait { peer.text.hasSuffix("\r\n\r\n") }
        #expect(peer.text.hasPrefix(bench.proof(grant)))
        return peer
    }

    @Test func aClientIsToldWhatItHolds() throws {
        let bench = try bench(LeaseKind(names: ["board-1", "board-2"]), slots: 2)
        bench.startAll()
        let one = serve(bench, 1)
        let two = serve(bench, 2, slot: 1)
        // RFC 6455 section 1.3 has this key and its answer.
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nx-berth-lease: "
        #expect(one.text.hasSuffix("\(answer)board-1\r\n\r\n"))
        #expect(two.text.hasSuffix("\(answer)board-2\r\n\r\n"))
        #expect(bench.board.sidecarPID(0) == nil)
        one.close()
        two.close()
        bench.wait { bench.board.table.isVacant }
        bench.close()
    }

    /// One call ends the lease and makes the slot free, and the next client holds the same thing.
    @Test func theEndOfTheConnectionIsTheEndOfTheLease() throws {
        let bench = try bench(LeaseKind(slots: 1), slots: 1)
        bench.startAll()
        for number in 1...3 {
            let peer = serve(bench, Int64(number))
            #expect(peer.text.contains("x-berth-lease: 0\r\n"))
            peer.close()
            bench.wait { bench.ledger.isReady(0, Token(epoch: 1, number: Int64(number))) }
        }
        #expect(bench.lines.count { $0.contains("\"state\":\"starting\"") } == 1)
        #expect(!bench.lines.contains { $0.contains("\"state\":\"exited\"") })
        bench.close()
    }

    @Test func pingsAndTheCloseAreAnswered() throws {
        let bench = try bench(LeaseKind(slots: 1), slots: 1)
        bench.startAll()
        let peer = serve(bench, 1)
        let before = peer.bytes.count
        // Masks of zeros.
        peer.write([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])
        peer.write([0x89, 0x81, 0, 0, 0, 0, 0x7A])
        bench.wait { peer.bytes.count > before + 2 }
        #expect(Array(peer.bytes[before...]) == [0x8A, 1, 0x7A])
        peer.write([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8])
        bench.wait { peer.isEnded }
        #expect(Array(peer.bytes[(before + 3)...]) == [0x88, 2, 0x03, 0xE8])
        #expect(bench.ledger.isReady(0, Token(epoch: 1, number: 1)))
        bench.close()
    }

    @Test func aClientThatBreaksTheProtocolIsClosed() throws {
        let bench = try bench(LeaseKind(slots: 1), slots: 1)
        bench.startAll()
        let peer = serve(bench, 1)
        let before = peer.bytes.count
        peer.write([0x81, 0x01, 0x61])
        bench.wait { peer.isEnded }
        #expect(Array(peer.bytes[before...]) == [0x88, 2, 0x03, 0xEA])
        bench.close()
    }

    @Test func anOrderEndsIt() throws {
        let bench = try bench(LeaseKind(slots: 1), slots: 1)
        bench.startAll()
        let peer = serve(bench, 1)
        bench.board.closeAll(reason: "test")
        bench.wait { peer.isEnded }
        #expect(bench.ledger.entries.last == .ready(0, Token(epoch: 1, number: 1)))
        bench.close()
    }

    @Test func aGatewayThatLeavesBeforeTheProofLeavesTheSlotFree() throws {
        let bench = try bench(LeaseKind(slots: 1), slots: 1)
        bench.startAll()
        bench.ledger.reply = nil
        let grant = bench.grant(1)
        let peer = bench.dial(grant, head: upgradeHead)
        bench.wait { bench.ledger.unanswered.count == 1 }
        peer.close()
        bench.wait { bench.board.table[0].state == .free }
        #expect(bench.ledger.entries.contains(.reject(grant.lease, 0, grant.token, .gone, false)))
        bench.close()
    }
}
