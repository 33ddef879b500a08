/// A slot offered to a waiter: what the gateway needs to dial the worker, and what the worker checks.
public struct Grant: Hashable, Sendable {
    public let lease: LeaseID
    public let worker: ProcessID
    /// Index of the slot at its worker.
    public let slot: Int
    /// Where the worker listens, `host:port` (an IPv6 host in brackets).
    public let address: String
    public let pool: String
    public let token: Token
    /// Which connection of the lease it is for: 1 for the first.
    public let attach: Int

    public init(
        lease: LeaseID, worker: ProcessID, slot: Int, address: String, pool: String, token: Token, attach: Int = 1
    ) {
        self.lease = lease
        self.worker = worker
        self.slot = slot
        self.address = address
        self.pool = pool
        self.token = token
        self.attach = attach
    }

    /// Reads the payload of the wake channel and of `collect`: `lease worker slot epoch token address pool`.
    public init?(payload: String, attach: Int = 1) {
        let parts = payload.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 7, let lease = LeaseID(parts[0]), let worker = ProcessID(parts[1]),
            let slot = Int(parts[2]),
            let epoch = Int64(parts[3]), let number = Int64(parts[4]), !parts[5].isEmpty
        else { return nil }
        self.init(
            lease: lease, worker: worker, slot: slot, address: String(parts[5]), pool: String(parts[6]),
            token: Token(epoch: epoch, number: number), attach: attach)
    }
}

/// Why a grant came to nothing before the worker's proof. The raw value is the word in scripts, on the wire and in logs.
public enum RejectReason: String, Sendable, CaseIterable {
    /// The gateway could not reach the worker, or got no proof in time: quarantines the worker, or suspends the claimant.
    case unreachable
    /// The worker's slot still serves somebody: recycles until the worker's `ready`.
    case occupied
    /// The grant's token is not newer than the slot's last: carries that token, does not count as an attempt.
    case stale
    /// The gateway vanished before the proof without a verdict: suspends that gateway.
    case gone
    /// The sidecar could not be connected, or Redis did not commit the accept: the slot recycles.
    case failed
    /// The gateway had no descriptor left to dial with: the slot is free at once, nobody is blamed.
    case local
}

/// What a worker says about one slot, at `register` and on every `renew`.
public struct SlotRow: Hashable, Sendable {
    /// What a worker may say of a slot; that it drains, Redis says itself.
    public enum State: String, Sendable, CaseIterable {
        case free, leased, kept, recycling, out
    }
    public let slot: Int
    public let state: State
    /// The lease it serves, while `leased` or `kept`.
    public let lease: LeaseID?
    /// The number of that lease's last connection.
    public let attach: Int
    /// The newest token this slot has accepted or been told of.
    public let token: Token

    public init(slot: Int, state: State, lease: LeaseID?, token: Token, attach: Int = 1) {
        self.slot = slot
        self.state = state
        self.lease = lease
        self.token = token
        self.attach = attach
    }
}
