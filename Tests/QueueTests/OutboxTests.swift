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

    @Test func aLaneIsBusyUntilItsLastCallIsAnswered() {
        outbox.resume(connection: 1)
        outbox.post(script, ["1"], lane: "x") { _ in }
        outbox.post(script, ["2"], lane: "x") { _ in }
        wire.answer(0, "ok")
        #expect(outbox.isBusy(lane: "x") && !outbox.isBusy(lane: "y"))
        wire.answer(1, "ok")
        #expect(!outbox.isBusy(lane: "x"))
    }

    @Test func whatIsKnownAndWaitsIsDropped() {
        outbox.post(script, ["1"], lane: "x") { _ in }
        outbox.forget(script, lane: "x")
        #expect(outbox.isEmpty)
    }

    @Test func callsWithoutRoomWaitInTheirOrder() {
        outbox.resume(connection: 1)
        for i in 0..<(Outbox.sentMax + 4) { outbox.post(script, ["\(i)"], lane: "\(i)") { _ in } }
        #expect(wire.sent.count == Outbox.sentMax)
        outbox.forget(script, lane: "\(Outbox.sentMax + 1)")
        wire.answer(7, "ok")
        wire.answer(3, "ok")
        #expect(wire.sent.suffix(2).map(\.arguments) == [["\(Outbox.sentMax)"], ["\(Outbox.sentMax + 2)"]])
        wire.answer(Outbox.sentMax, "ok")
        #expect(wire.sent.last?.arguments == ["\(Outbox.sentMax + 3)"])
    }

    @Test func aNewConnectionHasAllItsRoomAndTheFirstOrder() {
        outbox.resume(connection: 1)
        for i in 0...Outbox.sentMax { outbox.post(script, ["\(i)"], lane: "\(i)") { _ in } }
        outbox.pause()
        outbox.resume(connection: 2)
        #expect(wire.sent[Outbox.sentMax...].map(\.arguments) == (0..<Outbox.sentMax).map { ["\($0)"] })
        // What the old connection still owes makes no room on the new one.
        wire.answer(0, nil)
        #expect(wire.sent.count == 2 * Outbox.sentMax)
        wire.answer(Outbox.sentMax, "ok")
        #expect(wire.sent.last?.arguments == ["\(Outbox.sentMax)"])
    }
}
