import QueueCore

/// The answers of the machine.
extension Slot {
    /// The answer to a grant.
    public enum Presented: Hashable, Sendable {
        /// Commit the accept and connect the sidecar, both at once.
        case begin
        /// Tell Redis and the gateway. The token is the slot's last: Redis makes its next token newer than this one.
        case reject(RejectReason, token: Token, slotFree: Bool)
        /// Tell the gateway alone, because Redis knows the slot's last token already.
        case refuse(RejectReason)
        /// A copy of a grant that was presented before: close the connection, and change nothing for the lease.
        case drop
    }

    /// Whether an offer is complete.
    public enum Progress: Hashable, Sendable {
        case wait
        /// Send the proof, then the client's head. From now on only `release` ends the lease.
        case prove
    }

    /// The end of a lease's connection: what to tell the gateway, Redis and the sidecar.
    public struct Vacated: Hashable, Sendable {
        /// The verdict for Redis.
        public enum Verdict: Hashable, Sendable {
            /// Redis has ended the lease itself.
            case none
            case reject(RejectReason)
            case release
            /// The lease stays, and waits for its next connection.
            case keep
        }
        /// The end of the gateway's connection.
        public enum Farewell: Hashable, Sendable {
            /// Close it: it is over already, or carries the client's session.
            case close
            /// Send what the sidecar sent before it ended, then close.
            case flush
            /// Say why, then close: the proof was not sent.
            case reject(RejectReason)
        }
        /// The order for the sidecar.
        public enum Sidecar: Hashable, Sendable {
            /// Nothing: it received no byte of a client, or it is gone already.
            case keep
            case replace
            /// Count a failure: it took no connection, or did not answer.
            case condemn
            case stop
        }
        public let lease: LeaseID
        public let token: Token
        public let verdict: Verdict
        public let farewell: Farewell
        public let sidecar: Sidecar
        /// If set, the slot is free again: send `ready` with this token, after the verdict.
        public let ready: Token?
        /// The connection that ended.
        public internal(set) var attach = 1
    }
}
