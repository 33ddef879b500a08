import EventLoop
import QueueCore
import WorkerCore

/// The events of a worker's slots.
///
/// Called on the loop, after the change that an event names. An event holds facts; the listener adds words and levels.
package protocol SlotEvents: AnyObject {
    func slot(_ slot: Int, of pool: Pool, _ event: SlotEvent)
    /// - Parameters:
    ///   - number: the sidecar's at this worker.
    ///   - pid: of its process, while there is one.
    func sidecar(_ number: Int, of pool: Pool, pid: Int32?, _ event: SidecarEvent)
}

/// The events of a worker.
package protocol WorkerEvents: SlotEvents {
    func worker(_ event: WorkerEvent)
    /// A request is not answered.
    /// - Parameter peer: the address that sent it.
    func stranger(at peer: String, _ event: StrangerEvent)
}

/// The worker as a whole.
package enum WorkerEvent {
    /// It killed processes that an earlier worker of its node id left.
    case sweptLeftovers(processes: Int)
    case listening(ProcessID, address: String, slots: Int, fleet: String)
    case registered(again: Bool)
    case redisAway
    /// No gateway has reached it so far at this address.
    case unreached(address: String)
    /// The registry has a message for the operator.
    case notice(String)
    /// A newer worker has its node id.
    case superseded(node: String)
    /// An operator ordered it to drain.
    case drainOrdered
    /// It reached its age, and drains.
    case aged(milliseconds: UInt64)
    /// Redis did not answer for the TTL, and caps are strict.
    case licenceOver(sessions: Int)
    case draining(sessions: Int)
    /// The machine has less memory available than the reserve, or enough again.
    case memory(isShort: Bool, availableBytes: UInt64, reserveBytes: UInt64)
    /// A file system has no room for more sessions, for this reason; nil if there is room again.
    case room(lacks: String?)
    /// Processes of sidecars did not end.
    case leftProcesses(Int)
    /// A client asked for a protocol log, and its pool has none.
    case protocolLogOff(Pool)
    /// The folder of protocol logs cannot be used.
    case protocolLogFolder(String, words: String)
    /// A session's protocol log is over.
    case protocolLog(ProtocolLogReport)
    case stopped
}

/// One slot and its leases.
package enum SlotEvent {
    /// The slot has a new state, as in its row in Redis.
    case changed(SlotRow)
    /// A grant was rejected at once, in Redis too.
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
    /// The sidecar sent no byte in time.
    case firstByteOverdue
    /// The sidecar has answered no ping.
    case sidecarFroze
    /// The sidecar ended its connection.
    case sidecarEnded
    case clientEnded
    /// A time limit that the client asked for is over.
    case timeOver(TimeBound)
    /// The sidecar itself is gone. Large: the worker killed it because of its memory.
    case sidecarLost(isLarge: Bool)
    /// Redis, an operator or this worker ordered the end.
    case ordered(reason: String)
}

/// One sidecar.
package enum SidecarEvent {
    case starting
    case startFailed(WorkerFailure)
    /// It printed a URL that is not served, and why not.
    case misannounced(String)
    case ready
    /// A handshake with it failed.
    case probeFailed
    case crowded(processes: Int)
    /// It uses more memory than its pool's `memoryMax`. It is killed, or replaced after its sessions.
    case large(bytes: UInt64, most: UInt64, isKilled: Bool)
    /// - Parameter failure: why this end is a failure; nil for one that was wanted.
    case exited(SidecarEnding, failure: String?)
    /// It failed too often.
    case out
    case stopped
}

/// Why a request is not answered.
package enum StrangerEvent {
    /// It is a copy of an earlier request.
    case copied
    case otherFleet(String, own: String)
    case otherWorker(ProcessID)
    case otherSecret
}
