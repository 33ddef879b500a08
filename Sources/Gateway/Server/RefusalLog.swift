import EventLoop
import GatewayCore

/// Writes the lines of refusals that no waiter belongs to: one for the first of each kind in a second, then counts.
final class RefusalLog {
    private let loop: Loop
    private let log: GatewayLog
    private var sample = RefusalSample()
    private var dropped = 0
    private var timer: Timer?

    init(loop: Loop, log: GatewayLog) {
        self.loop = loop
        self.log = log
    }

    /// - Parameter peer: the client's address with its port.
    func refused(_ refusal: Refusal, peer: String) {
        if sample.note(refusal.code, source: SocketAddress.split(peer)?.host ?? peer) {
            log.refusal(refusal, peer: peer)
        }
        arm()
    }

    /// A connection without a whole head was closed for a newer one.
    func droppedHead() {
        dropped += 1
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
        for (code, count) in sample.end() { log.refusals(code, count: count) }
        if dropped > 0 { log.headsDropped(count: dropped) }
        dropped = 0
    }
}
