import EventLoop

/// Calls that must reach Redis however often the connection breaks: one in flight per lane, each sent again in its
/// order until it is answered. Scripts are replayable, so an unknown commit is asked again with the same ids.
///
/// A lane is a waiter at a gateway, a slot at a worker. Cost of a call is O(1); a lane exists while it has calls.
final class Outbox {
    typealias Done = (ScriptReply) -> Void

    private struct Call {
        let order: UInt64
        let script: RedisScript
        let arguments: [String]
        let done: Done
        /// The connection it was last sent on; 0 while it waits.
        var sentOn = 0
        /// Its outcome is known from elsewhere: its reply is welcome, but it is not asked again.
        var isKnown = false
    }

    private var lanes: [String: [Call]] = [:]
    private var nextOrder: UInt64 = 0
    /// Sends one call now; answers nil when it was lost.
    private let send: (RedisScript, [String], @escaping (ScriptReply?) -> Void) -> Void
    /// Calls given to `send` on connection `countedOn` and not yet answered.
    private var sent = 0
    private var countedOn = 0
    /// Lanes whose head found no room, in order; a lane may have ended meanwhile, or stand here twice.
    private var held: ArraySlice<String> = []
    /// The number of the connection that calls may be sent on; 0 while there is none.
    private var open = 0

    /// Calls on their way at once. Behind a slow Redis the others wait as what they are, not as bytes to send: those take
    /// three times the memory, and a burst of waiters would leave it behind.
    static let sentMax = 1_024

    init(send: @escaping (RedisScript, [String], @escaping (ScriptReply?) -> Void) -> Void) {
        self.send = send
    }

    var isEmpty: Bool { lanes.isEmpty }

    /// True while a call of this lane is unanswered.
    func isBusy(lane: String) -> Bool { lanes[lane] != nil }

    /// Calls may be sent from now on; those without an answer go out again, in their order.
    func resume(connection: Int) {
        open = connection
        if countedOn != connection {
            countedOn = connection
            sent = 0
        }
        held = []
        let heads = lanes.compactMap { lane, calls in calls.first.map { (lane, $0.order) } }
        for (lane, _) in heads.sorted(by: { $0.1 < $1.1 }) {
            sendHead(of: lane)
        }
    }

    func pause() {
        open = 0
    }

    func post(_ script: RedisScript, _ arguments: [String], lane: String, done: @escaping Done) {
        nextOrder += 1
        lanes[lane, default: []].append(Call(order: nextOrder, script: script, arguments: arguments, done: done))
        if lanes[lane]?.count == 1 { sendHead(of: lane) }
    }

    /// The lane's call of this script has had its effect, whatever became of its reply: it is never sent again.
    func forget(_ script: RedisScript, lane: String) {
        guard let head = lanes[lane]?.first, head.script.sha1 == script.sha1 else { return }
        if head.sentOn == 0 {
            finishHead(of: lane)
        } else {
            lanes[lane]?[0].isKnown = true
        }
    }

    private func sendHead(of lane: String) {
        guard open != 0, var head = lanes[lane]?.first, head.sentOn != open else { return }
        guard sent < Outbox.sentMax else {
            held.append(lane)
            return
        }
        sent += 1
        head.sentOn = open
        lanes[lane]?[0] = head
        send(head.script, head.arguments) { [weak self] reply in
            guard let self else { return }
            if head.sentOn == countedOn { sent -= 1 }
            answered(lane: lane, order: head.order, sentOn: head.sentOn, reply)
            while open != 0, sent < Outbox.sentMax, let next = held.popFirst() { sendHead(of: next) }
        }
    }

    private func answered(lane: String, order: UInt64, sentOn: Int, _ reply: ScriptReply?) {
        guard let head = lanes[lane]?.first, head.order == order, head.sentOn == sentOn else { return }
        // Lost, or from a standing that is over: it is sent again when calls may be sent again.
        guard let reply, !reply.isStale else {
            lanes[lane]?[0].sentOn = 0
            if head.isKnown { finishHead(of: lane) }
            return
        }
        finishHead(of: lane)
        head.done(reply)
    }

    private func finishHead(of lane: String) {
        lanes[lane]?.removeFirst()
        if lanes[lane]?.isEmpty == true {
            lanes[lane] = nil
        } else {
            sendHead(of: lane)
        }
    }
}
