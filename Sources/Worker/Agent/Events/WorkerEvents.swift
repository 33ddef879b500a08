import EventLoop
import QueueCore
import WorkerCore

/// What happens to a worker's slots: its log listens.
///
/// Called on the loop, when what an event names has been done. An event holds facts; words and levels are the listener's.
package protocol SlotEvents: AnyObject {
    func slot(_ slot: Int, of pool: Pool, _ event: SlotEvent)
    /// - Parameter pid: of the sidecar's process, while there is one.
    func sidecar(of slot: Int, _ pool: Pool, pid: Int32?, _ event: SidecarEvent)
}

/// The same of a whole worker.
package protocol WorkerEvents: SlotEvents {
    func worker(_ event: WorkerEvent)
    /// A request is not answered.
    /// - Parameter peer: the address it came from.
    func stranger(at peer: String, _ event: StrangerEvent)
}

/// The worker as a whole.
package enum WorkerEvent {
    /// It killed so many processes of an earlier worker of its node id.
    case sweptLeftovers(processes: Int)
    case listening(ProcessID, address: String, slots: Int, fleet: String)
    case registered(again: Bool)
    case redisAway
    /// No gateway has reached it so far at the address it advertises.
    case unreached(address: String)
    /// The queue's side has words for the operator.
    case notice(String)
    /// A newer worker has its node id.
    case superseded(node: String)
    /// Redis was not heard for the TTL, and caps are strict.
    case licenceOver(sessions: Int)
    case draining(sessions: Int)
    /// So many processes of sidecars cannot be ended.
    case leftProcesses(Int)
    case stopped
}

/// One slot and its leases.
package enum SlotEvent {
    /// It is free, out, or in another state that Redis is told of.
    case changed(SlotRow)
    /// A grant was refused at once; Redis is told.
    case refused(LeaseID, RejectReason)
    /// The proof was sent.
    case served(LeaseID, Token)
    /// The lease's connection is over.
    case vacated(Slot.Vacated, EndCause, bytes: (fromClient: UInt64, toClient: UInt64))
}

/// Why a lease's connection ended.
package enum EndCause: Hashable {
    /// The accept found that the lease is over.
    case leaseEnded
    /// Redis did not answer the accept.
    case redisSilent
    case sidecarUnreachable(SystemError)
    case gatewayClosed
    /// No byte came from the sidecar in time.
    case firstByteOverdue
    /// The sidecar ended its connection.
    case sidecarEnded
    case clientEnded
    /// The sidecar itself is gone.
    case sidecarLost
    /// Redis, an operator or this worker ordered it, for this reason.
    case ordered(reason: String)
}

/// One slot's sidecar.
package enum SidecarEvent {
    case starting
    case startFailed(WorkerFailure)
    /// It printed a URL that is not served, and why not.
    case misannounced(String)
    case ready
    case crowded(processes: Int)
    /// - Parameter failure: why this end is a failure; nil for one that was wanted.
    case exited(SidecarEnding, failure: String?)
    /// It failed too often.
    case out
    case stopped
}

/// Why a request is not answered.
package enum StrangerEvent {
    /// It came before.
    case copied
    case otherFleet(String, own: String)
    case otherWorker(ProcessID)
    case otherSecret
}
