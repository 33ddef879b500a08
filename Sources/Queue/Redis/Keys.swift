/// The one place where Swift spells keys and channels. All carry one hash tag, so that a fleet lives in one slot of a
/// Redis Cluster; the scripts derive the rest from `meta`.
public struct Keys: Hashable, Sendable {
    private let prefix: String

    /// - Parameter fleet: a name (1–64 characters of `[A-Za-z0-9._-]`).
    public init(fleet: String) {
        prefix = "berth:{\(fleet)}:"
    }

    /// Schema, epoch, commits, times: KEYS[1] of every script.
    public var meta: String { prefix + "meta" }

    /// Where grants for a gateway are published, whole.
    public func wake(_ gateway: String) -> String { prefix + "wake:" + gateway }

    /// Where a worker is told what cannot wait for its next renew.
    public func control(_ worker: String) -> String { prefix + "control:" + worker }
}
