/// All keys and channels that Swift code uses. They share one hash tag, so that a fleet is in one slot of a Redis
/// Cluster. The scripts derive all other keys from `state`.
public struct Keys: Hashable, Sendable {
    package let prefix: String

    /// - Parameter fleet: a name (1–64 characters of `[A-Za-z0-9._-]`).
    public init(fleet: String) {
        prefix = "berth:{\(fleet)}:"
    }

    /// Schema, epoch, commits and times, packed. KEYS[1] of every script.
    public var state: String { prefix + "state" }

    /// The channel on which a gateway receives its grants, one complete grant per message.
    public func wake(_ gateway: String) -> String { prefix + "wake:" + gateway }

    /// The channel on which a worker receives orders that cannot wait for its next renew.
    public func control(_ worker: String) -> String { prefix + "control:" + worker }
}
