import Testing

@testable import LoadTestCore

/// A session's whole life, with times in microseconds.
@Suite struct ClientSessionTests {
    private let accept =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    private func session(hold: Int = 100, patience: Int? = nil, frames: FrameMix = .none) -> ClientSession {
        var session = ClientSession(due: 0, now: 0, hold: hold, patience: patience, frames: frames)
        #expect(session.connected(head: [1, 2]) == [.send([1, 2])])
        return session
    }

    private func pass(_ bytes: [UInt8], to session: inout ClientSession, now: Int) -> [ClientSession.Step] {
        bytes.withUnsafeBytes { session.received($0, now: now) }
    }

    @Test func aSlotIsHeldAndGivenBack() {
        var one = session()
        #expect(one.isWaiting && one.nextTick == nil)
        #expect(pass(Array(accept.utf8), to: &one, now: 40) == [.opened(waitMicroseconds: 40)])
        #expect(one.nextTick == 140 && one.tick(now: 139).isEmpty)
        #expect(one.tick(now: 140) == [.send(ClientFrames.close), .released])
        #expect(pass([0x88, 2, 3, 0xE8], to: &one, now: 150) == [.ended(.served)])
        #expect(one.lost().isEmpty && one.nextTick == nil)
    }

    @Test func anAnswerMayComeByteByByteWithFramesBehindIt() {
        var one = session(frames: .even(count: 1, bytes: 3))
        var steps: [ClientSession.Step] = []
        for byte in Array(accept.utf8) + [0x89, 1, 7] { steps += pass([byte], to: &one, now: 5) }
        #expect(steps == [.opened(waitMicroseconds: 5), .send(ClientFrames.pong([7]))])
        // The message is due in the middle of the 100 µs.
        #expect(one.nextTick == 55)
        #expect(one.tick(now: 55) == [.send(ClientFrames.message(.init(up: 3, down: 3)))])
        #expect(pass([0x02, 1, 9], to: &one, now: 60).isEmpty)
        #expect(pass([0x80, 1, 9], to: &one, now: 70) == [.answered(microseconds: 15)])
        #expect(one.tick(now: 105) == [.send(ClientFrames.close), .released])
    }

    /// A message that waits for the answer before it was due long ago: its time counts from then.
    @Test func aLateMessageCountsFromItsTime() {
        var one = session(hold: 1_000_000, frames: .even(count: 2, bytes: 1))
        _ = pass(Array(accept.utf8), to: &one, now: 0)
        #expect(one.tick(now: 250_000).count == 1)
        #expect(pass([0x81, 1, 9], to: &one, now: 900_000) == [.answered(microseconds: 650_000)])
        #expect(one.tick(now: 900_000).count == 1)
        #expect(pass([0x81, 1, 9], to: &one, now: 910_000) == [.answered(microseconds: 160_000)])
    }

    /// A slow answer makes the session longer: no message is left out.
    @Test func aSessionEndsWhenAllItsMessagesWereAnswered() {
        var one = session(hold: 1_000, frames: .even(count: 2, bytes: 1))
        _ = pass(Array(accept.utf8), to: &one, now: 0)
        #expect(one.tick(now: 250).count == 1)
        #expect(pass([0x81, 1, 9], to: &one, now: 5_000).count == 1)
        #expect(one.tick(now: 5_000) == [.send(ClientFrames.message(.init(up: 1, down: 1)))])
        #expect(pass([0x81, 1, 9], to: &one, now: 5_100).count == 1)
        #expect(one.tick(now: 5_100) == [.send(ClientFrames.close), .released])
    }

    @Test func aClientThatStartsLateHasWaitedSinceItsTime() {
        var late = ClientSession(due: 1_000, now: 50_000, hold: 0, patience: nil, frames: .none)
        _ = late.connected(head: [])
        #expect(pass(Array(accept.utf8), to: &late, now: 60_000) == [.opened(waitMicroseconds: 59_000)])
        var punctual = ClientSession(due: 1_000, now: 2_500, hold: 0, patience: nil, frames: .none)
        _ = punctual.connected(head: [])
        #expect(pass(Array(accept.utf8), to: &punctual, now: 3_000) == [.opened(waitMicroseconds: 500)])
    }

    @Test func whatEndsAWait() {
        var impatient = session(patience: 30)
        #expect(impatient.tick(now: 29).isEmpty && impatient.tick(now: 30) == [.ended(.gaveUp)])
        var refused = session()
        #expect(pass(Array("HTTP/1.1 503 No\r\n\r\n".utf8), to: &refused, now: 9) == [.ended(.refused(status: 503))])
        var strange = session()
        #expect(pass(Array("SSH-2.0\r\n\r\n".utf8), to: &strange, now: 9) == [.ended(.broken)])
        var unproven = session()
        #expect(pass(Array("HTTP/1.1 101 x\r\n\r\n".utf8), to: &unproven, now: 9) == [.ended(.broken)])
        var dropped = session()
        #expect(dropped.lost() == [.ended(.lost)])
        var elsewhere = ClientSession(due: 0, now: 0, hold: 1, patience: nil, frames: .none, addresses: 3)
        #expect(elsewhere.unreachable() == [.dialNext])
        _ = elsewhere.connected(head: [])
        #expect(pass(Array("HTTP/1.1 503 No\r\n\r\n".utf8), to: &elsewhere, now: 9) == [.dialNext])
        _ = elsewhere.connected(head: [])
        #expect(pass(Array("HTTP/1.1 503 No\r\n\r\n".utf8), to: &elsewhere, now: 9) == [.ended(.refused(status: 503))])
        var alone = ClientSession(due: 0, now: 0, hold: 1, patience: nil, frames: .none)
        #expect(alone.unreachable() == [.ended(.unreachable)])
    }

    @Test func whatEndsASessionEarly() {
        var closed = session()
        _ = pass(Array(accept.utf8), to: &closed, now: 0)
        #expect(pass([0x88, 0], to: &closed, now: 9) == [.ended(.lost)])
        var masked = session()
        _ = pass(Array(accept.utf8), to: &masked, now: 0)
        #expect(pass([0x81, 0x80], to: &masked, now: 9) == [.ended(.broken)])
        var silent = session(frames: .even(count: 1, bytes: 1))
        _ = pass(Array(accept.utf8), to: &silent, now: 0)
        _ = silent.tick(now: 50)
        #expect(silent.nextTick == 50 + ClientSession.answerMicrosecondsMax)
        #expect(silent.tick(now: 50 + ClientSession.answerMicrosecondsMax) == [.ended(.broken)])
    }

    @Test func aMessageAsksForALongerAnswer() {
        let frame = ClientFrames.message(.init(up: 200, down: 100_000))
        #expect(frame.count == 208 && Array(frame[..<8]) == [0x81, 0x80 | 126, 0, 200, 0, 0, 0, 0])
        #expect(String(decoding: frame[8...], as: UTF8.self).hasPrefix("answer 100000 ."))
        #expect(ClientFrames.message(.init(up: 70_000, down: 70_000)).count == 70_014)
    }
}
