import EventLoop
import QueueCore
import WorkerCore

/// Follows the frames of a session in both directions, and says to the client why the session ends early.
final class SessionFrames: RelayWitness {
    private var sidecar = FrameCursor(of: .sidecar)
    private var client = FrameCursor(of: .client)
    private let loop: Loop
    /// Called once, at the sidecar's first byte.
    var onFirstByte: (() -> Void)?
    /// nil if the client asked for no limit.
    var clock: SessionClock?
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
        guard side == .b, let call = onFirstByte else { return }
        onFirstByte = nil
        call()
    }

    func relayLastWords(_ relay: Relay, cause: Relay.Cause) -> [UInt8] {
        guard sidecar.mayClose, !client.hasClosed, let words else { return [] }
        return words.frame
    }
}
