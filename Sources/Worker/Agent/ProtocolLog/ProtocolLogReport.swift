import QueueCore
import WorkerCore

/// The result of a session's protocol log.
package struct ProtocolLogReport {
    let lease: LeaseID
    let slot: Int
    let pool: String
    /// The name of its file.
    let name: String
    /// Messages of the session, written or not.
    let messages: UInt64
    let dropped: ProtocolLogBudget.Dropped
    /// Why the file ends early; nil if it is whole.
    let failure: String?
}
