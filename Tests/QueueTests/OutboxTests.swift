import EventLoop
import QueueCore
import RedisClient
import Testing

@testable import Queue

/// Calls go into a list instead of to Redis; the test answers them. What goes when is decided, and tested, in `CallLine`.
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

    final class Later {
        var bodies: [() -> Void] = []
        func run() {
            let now = bodies
            bodies = []
            for body in now { body() }
        }
    }

    let wire = Wire()
    let later = Later()
    let script = RedisScript(name: "a", source: [1])
    let outbox: Outbox

    init() {
        let (wire, later) = (wire, later)
        outbox = Outbox(later: { later.bodies.append($0) }) { _, arguments, done in
            wire.sent.append((arguments, done))
        }
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
        outbox.post(script, ["1"], lane: "x", kind: .entry) { _ in done += 1 }
        outbox.forgetEntry(of: "x")
        wire.answer(0, "ok")
        #expect(done == 1)
        outbox.post(script, ["2"], lane: "x", kind: .entry) { _ in done += 1 }
        outbox.forgetEntry(of: "x")
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

    @Test func anEntryNeverSentAndItsExitAreBothAnsweredAndRedisHearsOfNeither() {
        var done: [String] = []
        outbox.post(script, ["enter"], lane: "x", kind: .entry) { done.append("enter \($0 == nil)") }
        outbox.post(script, ["leave"], lane: "x", kind: .exit) { done.append("leave \($0 == nil)") }
        #expect(done == [] && outbox.isEmpty, "never from inside the call")
        later.run()
        #expect(done == ["enter true", "leave true"])
        outbox.resume(connection: 1)
        #expect(wire.sent.isEmpty)
    }

    @Test func callsWithoutRoomWaitUntilOthersAreAnswered() {
        outbox.resume(connection: 1)
        let room = QueueLimits.callsSentOfTenantMax
        for number in 0..<(room + 2) { outbox.post(script, ["\(number)"], lane: "\(number)") { _ in } }
        outbox.post(script, ["other"], lane: "other", tenant: "b") { _ in }
        #expect(wire.sent.map(\.arguments) == ((0..<room).map { ["\($0)"] } + [["other"]]))
        wire.answer(7, "ok")
        wire.answer(3, "ok")
        #expect(wire.sent.suffix(2).map(\.arguments) == [["\(room)"], ["\(room + 1)"]])
    }
}
