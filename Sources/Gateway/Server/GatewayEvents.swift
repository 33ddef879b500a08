import EventLoop
import GatewayCore
import QueueCore

/// The events of a wait and of its session. `waiter` is the id under which the wait was enqueued first.
package protocol WaitEvents {
    /// A request was admitted, and waits from now on.
    func accept(_ waiter: WaiterID, _ request: WaitRequest)
    func queued(_ waiter: WaiterID, ticket: Int64)
    func grant(_ waiter: WaiterID, _ grant: Grant, ticket: Int64?)
    /// The queue had lost the waiter. The waiter is enqueued again under a new id.
    func renamed(_ waiter: WaiterID, to fresh: WaiterID)
    /// - Parameter words: the reason, for an operator.
    func dialFailed(_ waiter: WaiterID, _ grant: Grant, _ words: String)
    func reject(_ waiter: WaiterID, _ lease: LeaseID, _ reason: RejectReason)
    func session(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64)
    func sessionEnd(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, _ end: Relay.End, waitedMilliseconds: UInt64)
    /// A borrower's slot is reserved for its client.
    func lent(
        _ waiter: WaiterID, _ grant: Grant, _ request: WaitRequest, ticket: Int64?, waitedMilliseconds: UInt64)
    /// The worker serves a client that attached to a session.
    func attached(_ grant: Grant, tenant: String)
    /// The connection of such a client ended. The session may go on without it.
    func detached(_ grant: Grant, tenant: String, _ end: Relay.End)
    /// A client did not get to a session.
    /// - Parameters:
    ///   - tenant: empty if the client had a ticket and Redis did not know the session.
    ///   - refusal: nil if nobody is left to be told.
    func attachEnd(_ lease: LeaseID, tenant: String, _ refusal: Refusal?)
    /// A wait ended without a session.
    /// - Parameter refusal: what the client is told; nil if nobody is left to be told.
    func waitEnd(
        _ waiter: WaiterID, _ request: WaitRequest, _ why: WaitEnd, _ refusal: Refusal?, ticket: Int64?,
        waitedMilliseconds: UInt64)
}

/// The events of a gateway. No event has a client's credential or its query.
package protocol GatewayEvents: WaitEvents {
    func listening(_ address: String, isEncrypted: Bool)
    func registered(_ gateway: ProcessID)
    func storeAway()
    func notice(_ words: String)
    func draining(waiting: Int, serving: Int)
    /// A grant for a waiter that this gateway does not have.
    func grantReturned(_ grant: Grant)
    /// A request was refused that never became a waiter.
    /// - Parameter peer: the client's address, with its port if no trusted proxy told it.
    func refusal(_ refusal: Refusal, peer: String)
    /// A connection without a whole request head was closed for a newer one.
    func headDropped()
    /// A client spoke TLS, and its handshake failed.
    /// - Parameter words: what OpenSSL says; nothing of it comes from the client.
    func handshakeFailed(_ words: String, peer: String)
    /// New connections get the certificate of this file.
    func certificateUsed(_ path: String, lastDay: String)
    /// The files of the certificate have changed and cannot be used.
    func certificateRefused(_ words: String)
    /// All connections are closed, and the gateway leaves the fleet.
    func stopped()
    /// - Parameter failure: nil if the worker answered.
    func probe(_ worker: ProcessID, address: String, failure: String?)
}
