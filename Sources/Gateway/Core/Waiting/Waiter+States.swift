import QueueCore

extension Waiter {
    public enum State: Hashable, Sendable {
        /// Nothing was asked of the queue yet.
        /// Can transition to: enqueuing, ended.
        case idle
        /// The enqueue is on its way. A grant may overtake its reply.
        /// Can transition to: waiting, dialing, ended.
        case enqueuing
        /// In line.
        /// Can transition to: dialing, enqueuing (the gateway registered anew), expiring, ended.
        case waiting
        /// A slot was granted: its worker is dialed, or the verdict on that dial is on its way. `next` is a newer grant,
        /// to be dialed when Redis has the verdict.
        /// Can transition to: active, waiting, dialing (the newer grant), enqueuing, expiring, ended.
        indirect case dialing(Dial, next: Grant?)
        /// A slot was granted to a borrower, and Redis is asked to reserve it for a later client. `next` is a newer
        /// grant.
        /// Can transition to: lent, reserving (the newer grant), waiting, ended.
        indirect case reserving(Grant, next: Grant?)
        /// The slot is reserved, whatever becomes of this gateway.
        /// Can transition to: nothing.
        case lent(LeaseID)
        /// The worker proved itself. From here on only the worker ends the session.
        /// Can transition to: finished.
        case active(LeaseID)
        /// The session is over.
        /// Can transition to: nothing.
        case finished(LeaseID)
        /// The time of the wait or of the gateway is over. Redis ends the waiter, and its reply ends the wait.
        /// Can transition to: ended.
        case expiring
        /// The wait is over, and there was no session.
        /// Can transition to: nothing.
        case ended(WaitEnd)
    }

    /// The call to the queue.
    public enum QueueAction: Hashable, Sendable {
        case none
        /// Under the waiter's present id, ticket and attempt.
        case enqueue
        /// - Parameter dialed: the slot's worker was called, so that the slot recycles before it is free.
        case cancel(LeaseID?, dialed: Bool)
        /// As `cancel` of a lease whose worker was not called. The reply goes to `explained`.
        case expire(LeaseID?, Expiry)
        case reject(LeaseID, RejectReason, final: Bool)
        case reserve(LeaseID)
    }

    /// The effect on the client.
    public enum ClientAction: Hashable, Sendable {
        case none
        case dial(Grant)
        case relay
        /// - Parameter milliseconds: how long the slot waits for its client.
        case lend(Grant, milliseconds: Int)
        case end(WaitEnd)
    }

    /// Two effects that never exclude each other.
    public struct Action: Hashable, Sendable {
        public let queue: QueueAction
        public let client: ClientAction

        init(queue: QueueAction = .none, client: ClientAction = .none) {
            self.queue = queue
            self.client = client
        }

        public static let none = Action()
    }
}
