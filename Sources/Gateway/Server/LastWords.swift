import EventLoop
import GatewayCore
import QueueCore

/// The reason that a client receives if the worker or the gateway ends its session: a refusal if the sidecar never
/// answered, a close frame if the last frame was complete. It also pings a quiet client between two frames.
final class LastWords: RelayWitness {
    @exclusivity(unchecked) private var cursor = FrameCursor(of: .sidecar)
    @exclusivity(unchecked) private var client = FrameCursor(of: .client)
    private unowned let server: GatewayServer
    /// Kept apart, because each read of `server` counts a reference.
    private let loop: Loop
    /// The last time that bytes passed to the client or from it.
    @exclusivity(unchecked) private var passedAt: UInt64

    /// - Parameters:
    ///   - bytes: what the worker sent before the relay began.
    ///   - sent: the client's messages before it.
    init(behind bytes: [UInt8], sent: [UInt8] = [], server: GatewayServer) {
        self.server = server
        loop = server.loop
        passedAt = loop.now
        bytes.withUnsafeBytes { cursor.pass($0) }
        sent.withUnsafeBytes { client.pass($0) }
    }

    func relay(_ relay: Relay, passed bytes: UnsafeRawBufferPointer, from side: Relay.Side) {
        passedAt = loop.now
        switch side {
        case .a: client.pass(bytes)
        case .b: cursor.pass(bytes)
        }
    }

    /// Pings a quiet client, so that no proxy on the way takes the connection for a dead one.
    func relayLooks(_ relay: Relay) {
        guard loop.now - passedAt >= GatewayLimits.quietMilliseconds, cursor.mayClose, !client.hasClosed,
            relay.queuedBytes(to: .a) == 0
        else { return }
        passedAt = loop.now
        relay.insert([0x89, 0], to: .a)
    }

    func relayLastWords(_ relay: Relay, cause: Relay.Cause) -> [UInt8] {
        let refusal = cause == .closed ? Refusal.shuttingDown : .workerLost
        if cursor.mayAnswer { return refusal.response(retryAfterSeconds: server.retryAfterSeconds()) }
        // A client that closes needs no reason.
        guard cursor.mayClose, !client.hasClosed, let code = refusal.code.row.closeCode else { return [] }
        return FrameCursor.close(code: UInt16(code), reason: refusal.message)
    }
}
