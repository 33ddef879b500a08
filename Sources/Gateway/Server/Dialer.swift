import EventLoop
import GatewayCore
import QueueCore

/// Presents grants to workers.
package protocol Dialer<Connection>: AnyObject {
    associatedtype Connection: WorkerConnection
    /// - Parameters:
    ///   - bounds: the client's own limits for its session.
    ///   - head: the client's request head, which the worker gets behind the grant.
    ///   - onConnecting: called before the first packet to the worker; it may be called from inside `dial`.
    ///   - done: called once, never from inside `dial`, and not after `abandon`.
    func dial(
        _ grant: Grant, _ bounds: SessionBounds, head: ForwardedHead, onConnecting: @escaping () -> Void,
        done: @escaping (DialOutcome<Connection>) -> Void
    ) -> any DialCall
}

/// A dial under way.
package protocol DialCall: AnyObject {
    /// The outcome is of no interest any more; the connection stays open.
    func abandon()
    /// Ends the connection, unless it was handed over. Idempotent.
    func close()
}

package enum DialOutcome<Connection> {
    /// The worker serves the client. `rest` came behind its proof.
    case proved(Connection, rest: [UInt8])
    /// - Parameter words: the reason, for an operator.
    case failed(Dial.Failure, words: String)
}

/// A connection to a worker that proved itself.
package protocol WorkerConnection: AnyObject {
    func close()
}

extension Stream: WorkerConnection {}
