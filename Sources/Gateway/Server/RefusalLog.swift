import EventLoop
import GatewayCore

/// Logs refusals of requests that never became waiters, and failed handshakes: a line for the first of each kind in a
/// second, then counts.
final class RefusalLog {
    private let loop: Loop
    private let log: EventLog
    private var sample = RefusalSample()
    private var dropped = 0
    private var failedHandshakes = 0
    private var timer: Timer?

    init(loop: Loop, log: EventLog) {
        self.loop = loop
        self.log = log
    }

    /// - Parameter peer: the client's address with or without its port.
    func refused(_ refusal: Refusal, peer: String) {
        if sample.note(refusal.code, source: SocketAddress.split(peer)?.host ?? peer) {
            log.log(
                .info, "refusal", refusal.message,
                ["code": .text(refusal.code.rawValue), "status": .number(refusal.status), "peer": .text(peer)])
        }
        arm()
    }

    /// A connection without a whole head was closed for a newer one.
    func droppedHead() {
        dropped += 1
        arm()
    }

    /// The first in a second has a line.
    func failedHandshake(_ words: String, peer: String) {
        failedHandshakes += 1
        if failedHandshakes == 1 {
            log.log(
                .info, "handshake_failed", "a client and this gateway did not agree on TLS",
                ["reason": .text(words), "peer": .text(peer)])
        }
        arm()
    }

    private func arm() {
        guard timer == nil else { return }
        timer = loop.schedule(after: UInt64(RefusalSample.windowMilliseconds)) { [unowned self] in flush() }
    }

    /// Writes the counts of the second that is over.
    func flush() {
        timer?.cancel()
        timer = nil
        for (code, count) in sample.end() {
            log.log(
                .info, "refusals", "more requests were refused in the last second",
                ["code": .text(code.rawValue), "count": .number(count)])
        }
        if dropped > 0 {
            log.log(
                .warning, "heads_dropped", "connections that sent no whole request head were closed for newer ones",
                ["count": .number(dropped)])
        }
        if failedHandshakes > 1 {
            log.log(
                .info, "handshakes_failed", "more TLS handshakes failed in the last second",
                ["count": .number(failedHandshakes - 1)])
        }
        dropped = 0
        failedHandshakes = 0
    }
}
