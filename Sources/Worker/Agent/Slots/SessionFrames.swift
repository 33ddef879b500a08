import EventLoop
import QueueCore
import WorkerCore

/// Follows the frames of a session in both directions, and says to the client why the session ends early.
final class SessionFrames: RelayWitness {
    @exclusivity(unchecked) private var sidecar = FrameCursor(of: .sidecar)
    @exclusivity(unchecked) private var client = FrameCursor(of: .client)
    private let loop: Loop
    /// Called once, at the sidecar's first byte.
    @exclusivity(unchecked) var onFirstByte: (() -> Void)?
    /// Called once, if the sidecar froze.
    var onFrozen: (() -> Void)?
    /// From the sidecar's first byte on.
    @exclusivity(unchecked) private var pulse: SidecarPulse?
    /// nil if the client asked for no limit.
    @exclusivity(unchecked) var clock: SessionClock?
    /// nil if nothing is to be said.
    var words: ClosingWords? = .sidecarEnded

    init(_ loop: Loop) { self.loop = loop }

    /// The client began to close the connection.
    var clientCloses: Bool { client.hasClosed }

    func relay(_ relay: Relay, passed bytes: UnsafeRawBufferPointer, from side: Relay.Side) {
        let before = (sidecar.messageReads, client.messageReads)
        switch side {
        case .a: client.pass(bytes)
        case .b: sidecar.pass(bytes)
        }
        if clock != nil, before != (sidecar.messageReads, client.messageReads) {
            clock?.messagePassed(now: loop.now)
        }
        guard side == .b else { return }
        if pulse == nil { pulse = SidecarPulse(now: loop.now) } else { pulse?.heard(now: loop.now) }
        guard let call = onFirstByte else { return }
        onFirstByte = nil
        call()
    }

    func relayLooks(_ relay: Relay) {
        let view = SidecarPulse.View(
            isStuck: relay.queuedBytes(to: .b) > 0, isHeldBack: relay.queuedBytes(to: .a) > 0,
            mayPing: client.mayClose && sidecar.isWebSocket && !client.hasClosed)
        switch pulse?.look(view, now: loop.now) {
        // A client's frame has a mask (RFC 6455 section 5.3), and four zeros are one.
        case .ping: relay.insert([0x89, 0x80, 0, 0, 0, 0], to: .b)
        case .frozen:
            let call = onFrozen
            onFrozen = nil
            call?()
        case .some(.none), nil: break
        }
    }

    func relayLastWords(_ relay: Relay, cause: Relay.Cause) -> [UInt8] {
        guard sidecar.mayClose, !client.hasClosed, let words else { return [] }
        return words.frame
    }
}
