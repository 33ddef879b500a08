import EventLoop
import Testing

@testable import Queue

/// Calls go into a list instead of to Redis; the test answers them.
@Suite struct OutboxTests {
    final class Wire {
        var sent: [(arguments: [String], done: (ScriptReply?) -> Void)] = []
        func answer(_ index: Int, _ status: String?) {
            sent[index].done(
                status.flatMap {
                    ScriptReply(.array([.status($0), .bulk([49]), .bulk([49]), .integer(0), .bulk([49])]))
                })
        }
    }

    let wire = Wire()
    let script = RedisScript(name: "a", source: [1])
    let outbox: Outbox

    init() {
        let wire = wire
        outbox = Outbox { _, arguments, done in wire.sent.append((arguments, done)) }
    }

    @Test func oneCallALaneIsInFlight() {
        var done: [String] = []
        outbox.resume(connection: 1)
        outbox.post(script, ["1"], lane: "x") { _ in done.append("1") }
        outbox.post(script, ["2"], lane: "x") { _ in done.append("2") }
        outbox.post(script, ["3"], lane: "y") { _ in done.append("3") }
        #expect(wire.sent.map(\.arguments) == [["1"], ["3"]])
        wire.answer(0, "ok")
        #expect(wire.sent.map(\.arguments) == [["1"], ["3"], ["2"]])
        #expect(done == ["1"])
    }

    @Test func aLostCallIsSentAgainInItsOrder() {
        var done = 0
        outbox.post(script, ["1"], lane: "x") { _ in done += 1 }
        outbox.post(script, ["2"], lane: "y") { _ in done += 1 }
        #expect(wire.sent.isEmpty, "no connection yet")
        outbox.resume(connection: 1)
        outbox.pause()
        wire.answer(0, nil)
        wire.answer(1, nil)
        outbox.resume(connection: 2)
        #expect(wire.sent.map(\.arguments) == [["1"], ["2"], ["1"], ["2"]])
        wire.answer(2, "ok")
        wire.answer(3, "ok")
        #expect(done == 2 && outbox.isEmpty)
    }

    @Test func aCallRedisDidNotTakeWaitsForTheNextResume() {
        var done = 0
        outbox.resume(connection: 1)
        outbox.post(script, ["1"], lane: "x") { _ in done += 1 }
        wire.answer(0, "unknown")
        #expect(done == 0 && wire.sent.count == 1)
        outbox.resume(connection: 1)
        wire.answer(1, "ok")
        #expect(done == 1)
    }

    @Test func aReplyOfAnOldConnectionIsNobodys() {
        var done = 0
        outbox.resume(connection: 1)
        outbox.post(script, ["1"], lane: "x") { _ in done += 1 }
        outbox.resume(connection: 2)
        wire.answer(0, "ok")
        #expect(done == 0)
        wire.answer(1, "ok")
        #expect(done == 1)
    }

    @Test func whatIsKnownIsNotAskedAgainButItsReplyIsWelcome() {
        var done = 0
        outbox.resume(connection: 1)
        outbox.post(script, ["1"], lane: "x") { _ in done += 1 }
        outbox.forget(script, lane: "x")
        wire.answer(0, "ok")
        #expect(done == 1)
        outbox.post(script, ["2"], lane: "x") { _ in done += 1 }
        outbox.forget(script, lane: "x")
        wire.answer(1, nil)
        outbox.resume(connection: 2)
        #expect(wire.sent.count == 2 && outbox.isEmpty)
    }

    @Test func whatIsKnownAndWaitsIsDropped() {
        outbox.post(script, ["1"], lane: "x") { _ in }
        outbox.forget(script, lane: "x")
        #expect(outbox.isEmpty)
    }
}
