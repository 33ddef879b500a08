import EventLoop
import QueueCore
import RedisClient

/// Calls that must reach Redis even if the connection breaks. `CallLine` decides their order. One call of a lane is
/// sent at a time, until each is answered. Scripts are replayable, so a call with an unknown outcome is sent again with
/// the same ids.
///
/// A lane is a waiter at a gateway or a slot at a worker. It exists while it has calls. The words of a call
/// are made when it is sent, because they take more memory than the request.
final class Outbox {
    /// - Parameter reply: nil if the call was never sent and is not needed any more.
    typealias Done = (_ reply: ScriptReply?) -> Void

    private struct Call {
        let script: RedisScript
        let arguments: () -> [String]
        let lane: String
        let done: Done
    }

    private var line = CallLine()
    private var calls: [CallLine.CallID: Call] = [:]
    /// The number of the connection that calls are sent on.
    private var connection = 0
    /// Sends one call now. The closure receives nil if the reply was lost.
    private let send: (RedisScript, [String], @escaping (ScriptReply?) -> Void) -> Void
    /// Runs a closure later in this turn of the loop.
    private let later: (@escaping () -> Void) -> Void

    init(
        later: @escaping (@escaping () -> Void) -> Void,
        send: @escaping (RedisScript, [String], @escaping (ScriptReply?) -> Void) -> Void
    ) {
        self.later = later
        self.send = send
    }

    var isEmpty: Bool { line.isEmpty }

    /// True while a call of this lane is unanswered.
    func isBusy(lane: String) -> Bool { line.isBusy(lane: lane) }

    /// Calls may be sent from now on. Calls without an answer are sent again, in their order.
    func resume(connection: Int) {
        self.connection = connection
        line.resume(connection: connection)
        sendNext()
    }

    func pause() { line.pause() }

    /// Queues a call. `done` is called once, never from inside this method. After `forgetEntry` it may never be called.
    /// - Parameter arguments: evaluated each time the call is sent.
    func post(
        _ script: RedisScript, _ arguments: @escaping @autoclosure () -> [String], lane: String, tenant: String = "",
        kind: CallLine.Kind = .other, done: @escaping Done
    ) {
        switch line.post(lane: lane, tenant: tenant, kind) {
        case .waits(let id):
            calls[id] = Call(script: script, arguments: arguments, lane: lane, done: done)
            sendNext()
        case .vanished(let entry):
            let entryDone = calls.removeValue(forKey: entry)?.done
            later {
                entryDone?(nil)
                done(nil)
            }
        }
    }

    /// The lane's entry is known to have taken effect, so it is not sent again, even if its reply was lost.
    func forgetEntry(of lane: String) {
        if let over = line.forgetEntry(of: lane) { calls[over] = nil }
        sendNext()
    }

    private func sendNext() {
        while let id = line.next() {
            guard let call = calls[id] else { preconditionFailure("a call in line is kept here") }
            send(call.script, call.arguments()) { [weak self, connection] reply in
                self?.answered(id, call, on: connection, reply)
            }
        }
    }

    private func answered(_ id: CallLine.CallID, _ call: Call, on connection: Int, _ reply: ScriptReply?) {
        let isTaken = reply.map { !$0.isStale } ?? false
        switch line.answered(id, lane: call.lane, on: connection, isTaken: isTaken) {
        case .ends:
            calls[id] = nil
            call.done(reply)
        case .dropped:
            calls[id] = nil
        case .repeats, .isLate:
            break
        }
        sendNext()
    }
}
