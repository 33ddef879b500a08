import EventLoop
import QueueCore
import WorkerCore

/// A lease's connection at the worker, from its grant to its end: `Session`, `LeaseSession`, or a simulator's.
package protocol SlotSession: AnyObject {
    var grant: Wire.GrantRequest { get }
    /// Bytes to and from the client so far.
    var bytes: (fromClient: UInt64, toClient: UInt64) { get }
    /// The slot took the grant: reads from the gateway and connects the sidecar. Sends nothing to either yet.
    /// - Parameters:
    ///   - endpoint: of the sidecar; nil if it has none.
    ///   - onEvent: never called from inside a call of this session.
    func begin(on endpoint: SidecarEndpoint?, onEvent: @escaping (SessionEvent) -> Void)
    /// Sends the proof to the gateway and the client's head to the sidecar, then relays bytes both ways.
    func prove()
    /// Ends the session, begun or not. `onEvent` is not called any more.
    /// - Parameter words: for a client that is served; nil if the client needs no reason.
    func end(_ farewell: Slot.Vacated.Farewell, saying words: ClosingWords?)
}

/// Events of a session that its slot reacts to.
package enum SessionEvent {
    case sidecarConnected
    case sidecarUnreachable(SystemError)
    /// Before the proof the gateway closed, or sent bytes.
    case gatewayClosed
    /// The sidecar sent its first byte.
    case sidecarAnswered
    /// The sidecar sent no byte in time.
    case firstByteOverdue
    /// The sidecar has answered no ping.
    case sidecarFroze
    /// A time limit that the client asked for is over.
    case timeOver(TimeBound)
    /// The relay is over.
    case ended(SessionEnd)
}

/// How a relay ended.
package enum SessionEnd: Hashable {
    /// The client's side ended without a closing handshake.
    case clientDropped
    /// The client sent a Close frame. The sidecar may have ended the connection after it, as RFC 6455 section 7.1.1
    /// says.
    case clientClosed
    /// The sidecar's side ended, and the client had not asked for it.
    case sidecarClosed
}
