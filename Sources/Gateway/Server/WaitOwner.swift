import GatewayCore
import QueueCore

/// A request that waits for a slot. The owner is told once what became of its wait.
package protocol WaitOwner<Connection>: AnyObject {
    associatedtype Connection: WorkerConnection
    /// The wait ended without a session.
    /// - Parameter refusal: nil if nobody is left to be told.
    func waitEnded(_ refusal: Refusal?)
    /// The worker serves this request. The owner has the connection from here on, and calls `sessionEnded` of its wait
    /// when the connection is closed.
    /// - Parameters:
    ///   - lease: the session's.
    ///   - rest: bytes that the worker sent behind its proof.
    func workerProved(_ worker: Connection, of lease: LeaseID, rest: [UInt8])
    /// The slot is reserved for a client that comes later.
    /// - Parameter milliseconds: how long the slot waits for that client.
    func slotLent(_ grant: Grant, milliseconds: Int)
}
