@testable import EventLoop
import TestSupport
import Testing

@Suite struct RelayTests {
    /// client ── a │ relay │ b ── server
    private final class Joined {
        let left: Pair
        let right: Pair
        var end: Relay.End?
        private(set) var relay: Relay?
        var client: EventLoop.Stream { left.client }
        var server: EventLoop.Stream { right.client }

        init(_ loop: Loop, linger: UInt64 = 200) throws {
            left = try Pair(loop)
            right = try Pair(loop)
            client.startReading()
            server.startReading()
            relay = Relay(left.server, right.server, lingerMilliseconds: linger, loop: loop) { [unowned self] in
                end = $0
            }
        }

        func close() {
            client.close()
            server.close()
            relay?.close()
        }
    }

    @Test func bytesPassAndAreCounted() throws {
        let loop = try Loop()
        let joined = try Joined(loop)
        joined.client.write("question")
        joined.server.write("answer!")
        loop.expect({ joined.right.atClient.text == "question" && joined.left.atClient.text == "answer!" }, "bytes")
        joined.client.finish()
        loop.expect({ joined.right.atClient.ended }, "FIN passes")
        joined.server.write(" more")
        joined.server.finish()
        loop.expect({ joined.end != nil }, "both ended")
        loop.expect({ joined.left.atClient.ended }, "FIN passes back")
        #expect(joined.left.atClient.text == "answer! more")
        #expect(joined.end == Relay.End(first: .a, cause: .end, bytesAToB: 8, bytesBToA: 12))
        joined.close()
        #expect(loop.close())
    }

    @Test func aTapSeesTheBytesOfBothSides() throws {
        let loop = try Loop()
        let joined = try Joined(loop)
        var seen: [Relay.Side: String] = [:]
        joined.relay?.tap = { side, bytes in seen[side, default: ""] += String(decoding: bytes, as: UTF8.self) }
        joined.client.write("question")
        joined.server.write("answer!")
        loop.expect({ joined.right.atClient.text == "question" && joined.left.atClient.text == "answer!" }, "bytes")
        #expect(seen == [.a: "question", .b: "answer!"])
        joined.close()
        #expect(joined.relay?.tap == nil)
        #expect(loop.close())
    }

    @Test func theEndOfBIsToldBeforeAHasEnded() throws {
        let loop = try Loop()
        let joined = try Joined(loop)
        var told = 0
        joined.relay?.onBEnded = { told += 1 }
        joined.client.write("question")
        loop.expect({ joined.right.atClient.text == "question" }, "bytes")
        joined.server.write("last words")
        joined.server.finish()
        loop.expect({ told == 1 && joined.left.atClient.ended }, "the end of b")
        #expect(joined.left.atClient.text == "last words" && joined.end == nil)
        joined.client.finish()
        loop.expect({ joined.end != nil }, "both ended")
        #expect(told == 1)
        joined.close()
        #expect(loop.close())
    }

    @Test func readerThatStopsHoldsTheWriterBackAndLosesNothing() throws {
        let loop = try Loop()
        let joined = try Joined(loop)
        joined.server.stopReading()
        let total = 64 << 20
        joined.client.write([UInt8](repeating: 5, count: total))
        joined.client.finish()
        loop.turn(milliseconds: 100)
        #expect(joined.client.queuedBytes > 0, "the writer is held back")
        #expect(joined.right.server.queuedBytes <= 256 * 1024, "the relay holds one read at most")
        joined.server.startReading()
        loop.expect({ joined.right.atClient.ended }, "all and the end arrive")
        #expect(joined.right.atClient.received.count == total)
        joined.close()
        #expect(loop.close())
    }

    @Test func lingerEndsASideThatNeverEnds() throws {
        let loop = try Loop()
        let joined = try Joined(loop, linger: 30)
        joined.client.finish()
        loop.expect({ joined.end != nil }, "the linger is over")
        #expect(joined.end?.first == .a && joined.end?.cause == .end)
        joined.close()
        #expect(loop.close())
    }

    @Test func lingerIsNotExtendedByTheOtherDirection() throws {
        let loop = try Loop()
        let joined = try Joined(loop, linger: 60)
        let chatter = loop.schedule(after: 5, repeating: 5) {
            joined.server.write([UInt8](repeating: 3, count: 1 << 20))
        }
        joined.client.finish()
        loop.expect({ joined.end != nil }, "the linger is over while bytes flow")
        chatter.cancel()
        joined.close()
        #expect(loop.close())
    }

    @Test func resetIsPassedOn() throws {
        let loop = try Loop()
        let joined = try Joined(loop)
        joined.server.reset()
        loop.expect({ joined.left.atClient.error != nil }, "the client sees RST")
        #expect(joined.end?.first == .b)
        if case .error = joined.end?.cause {} else { Issue.record("an error is the cause") }
        joined.close()
        #expect(loop.close())
    }

    @Test func closeByTheOwnerReportsOnce() throws {
        let loop = try Loop()
        let joined = try Joined(loop)
        joined.relay?.close()
        #expect(joined.end == Relay.End(first: nil, cause: .closed, bytesAToB: 0, bytesBToA: 0))
        joined.end = nil
        joined.relay?.close()
        #expect(joined.end == nil)
        joined.close()
        #expect(loop.close())
    }

    @Test func lastWordsFollowWhatTheLostSideSent() throws {
        let loop = try Loop()
        let joined = try Joined(loop)
        let witness = Witness(words: "lost")
        joined.relay?.witness = witness
        var told = 0
        joined.relay?.onBEnded = { told += 1 }
        joined.server.write("data ")
        loop.expect({ joined.left.atClient.received.count == 5 }, "the bytes before")
        joined.server.reset()
        loop.expect({ joined.left.atClient.ended }, "the client sees an orderly end, no RST")
        #expect(joined.left.atClient.error == nil)
        #expect(told == 1 && joined.end == nil, "the owner need not wait for a")
        #expect(String(decoding: joined.left.atClient.received, as: UTF8.self) == "data lost")
        #expect(witness.passed.a == 0 && witness.passed.b == 5)
        joined.client.finish()
        loop.expect({ joined.end != nil }, "the relay ends with the client")
        #expect(joined.end?.first == .b)
        joined.close()
        #expect(loop.close())
    }

    @Test func theOwnerMayEndWithWords() throws {
        let loop = try Loop()
        let joined = try Joined(loop)
        joined.relay?.witness = Witness(words: "drained")
        joined.relay?.finish()
        loop.expect({ joined.left.atClient.ended }, "the client is told")
        #expect(String(decoding: joined.left.atClient.received, as: UTF8.self) == "drained")
        joined.client.finish()
        loop.expect({ joined.end != nil }, "the relay ends with the client")
        joined.close()
        #expect(loop.close())
    }
}

private final class Witness: RelayWitness {
    let words: String
    var passed = (a: 0, b: 0)
    init(words: String) { self.words = words }
    func relay(_ relay: Relay, passed bytes: UnsafeRawBufferPointer, from side: Relay.Side) {
        switch side {
        case .a: passed.a += bytes.count
        case .b: passed.b += bytes.count
        }
    }
    func relayLastWords(_ relay: Relay, cause: Relay.Cause) -> [UInt8] { Array(words.utf8) }
    func relayLooks(_ relay: Relay) {}
}
