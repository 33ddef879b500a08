import EventLoop
import QueueCore
import WorkerCore

/// A lease's connection at the worker, from its grant to its end: `Session`, or a simulator's.
package protocol SlotSession: AnyObject {
    var grant: Wire.GrantRequest { get }
    /// Bytes to and from the client so far.
    var bytes: (fromClient: UInt64, toClient: UInt64) { get }
    /// The slot takes the grant: listens to the gateway and connects the sidecar. Nothing is sent to either yet.
    /// - Parameter onEvent: never called from inside a call of this session.
    func begin(on endpoint: SidecarEndpoint, onEvent: @escaping (SessionEvent) -> Void)
    /// The point of no return: the proof to the gateway, the client's head to the sidecar, then bytes both ways.
    func prove()
    /// Ends it as its slot decided, begun or not. No event comes after this.
    func end(_ farewell: Slot.Vacated.Farewell)
}

/// What happens to a session that its slot decides about.
package enum SessionEvent {
    case sidecarConnected
    case sidecarUnreachable(SystemError)
    /// The gateway ended before the proof, or sent what it must not.
    case gatewayClosed
    /// The first byte of the sidecar came.
    case sidecarAnswered
    /// No byte came from the sidecar in time.
    case firstByteOverdue
    /// The relay is over.
    /// - Parameter bySidecar: its side ended first.
    case ended(bySidecar: Bool)
}
