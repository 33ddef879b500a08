/// What a process knows of Redis' history. It rides on every call, so that Redis can tell when it lost a commit.
public struct History: Hashable, Sendable {
    /// The epoch this process last heard of; 0 before the first reply.
    public private(set) var epoch: Int64 = 0
    /// The number of its last acknowledged commit.
    public private(set) var commit: Int64 = 0
    /// The highest ticket it has seen, in Redis microseconds: new tickets are above it, whatever Redis lost.
    public private(set) var ticket: Int64 = 0

    public init() {}

    /// Notes a reply's header.
    /// - Returns: true when the epoch is a later one than this process knew: history went backwards in between.
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
