import EventLoop
import Queue
import QueueCore

/// The clock, the timers and the ids of a wait. A process has a loop behind it, a simulator has simulated time.
///
/// Everything is called, and calls back, on one thread.
package protocol WaitRuntime: RuntimeClock {
    /// An id that no other waiter has.
    func freshWaiterID() -> WaiterID
}

extension Loop: WaitRuntime {
    package func freshWaiterID() -> WaiterID {
        guard let id = WaiterID(Crypto.randomHex(bytes: 16)) else { preconditionFailure("32 hex digits are an id") }
        return id
    }
}

/// The part of `QueueClient` that a wait calls.
package protocol WaitQueue: AnyObject {
    func enqueue(_ request: EnqueueRequest, done: @escaping (EnqueueReply) -> Void)
    func cancel(_ waiter: WaiterID, tenant: String, lease: LeaseID?, dialed: Bool, done: @escaping () -> Void)
    func expire(
        _ waiter: WaiterID, tenant: String, lease: LeaseID?, _ expiry: Expiry, done: @escaping (Obstacle?) -> Void)
    func reject(
        _ lease: LeaseID, tenant: String, attach: Int, reason: RejectReason, final: Bool,
        done: @escaping (RejectReply) -> Void)
    func reserve(_ lease: LeaseID, tenant: String, done: @escaping (ReserveReply) -> Void)
    func attach(
        to lease: LeaseID, tenant: String, attachment: WaiterID, done: @escaping (AttachReply) -> Void)
    func acknowledge(_ grant: Grant)
    func note(_ event: UsageMeter.Event, of tenant: String)
}

extension QueueClient: WaitQueue {}
