import GatewayCore

/// A request that waits for a slot. The owner is told once what became of its wait.
package protocol WaitOwner<Connection>: AnyObject {
    associatedtype Connection: WorkerConnection
    /// The wait ended without a session.
    /// - Parameter refusal: nil if nobody is left to be told.
    func waitEnded(_ refusal: Refusal?)
    /// The worker serves this request. The owner has the connection from here on, and calls `sessionEnded` of its wait
    /// when the connection is closed.
    /// - Parameter rest: bytes that the worker sent behind its proof.
    func workerProved(_ worker: Connection, rest: [UInt8])
}
