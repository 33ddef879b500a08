import EventLoop
import GatewayCore

/// A request that waits for a slot. The owner is told once what became of its wait.
protocol WaitOwner: AnyObject {
    /// The wait ended without a session.
    /// - Parameter refusal: nil if nobody is left to be told.
    func waitEnded(_ refusal: Refusal?)
    /// The worker serves this request. The owner has the connection from here on, and calls `sessionEnded` of its wait
    /// when it is closed.
    /// - Parameter rest: bytes that the worker sent behind its proof.
    func workerProved(_ worker: Stream, rest: [UInt8])
}
