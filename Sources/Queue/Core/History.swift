/// A process' knowledge of Redis' history. Sent with every call, so that Redis can detect the loss of a commit.
public struct History: Hashable, Sendable {
    /// The last epoch received; 0 before the first reply.
    public private(set) var epoch: Int64 = 0
    /// The number of this process' last acknowledged commit.
    public private(set) var commit: Int64 = 0
    /// The highest ticket received, in Redis microseconds. New tickets are higher, even if Redis lost data.
    public private(set) var ticket: Int64 = 0

    public init() {}

    /// Stores a reply's header.
    /// - Returns: true if the epoch is later than the one known before, which means that Redis lost data.
    public mutating func heard(epoch newEpoch: Int64, commit newCommit: Int64, ticket newTicket: Int64) -> Bool {
        ticket = max(ticket, newTicket)
        if newEpoch == epoch {
            commit = max(commit, newCommit)
            return false
        }
        guard newEpoch > epoch else { return false }
        let knewOne = epoch != 0
        epoch = newEpoch
        commit = newCommit
        return knewOne
    }
}
