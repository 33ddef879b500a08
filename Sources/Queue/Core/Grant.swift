/// A slot offered to a waiter. Contains what the gateway needs to dial the worker, and what the worker checks.
public struct Grant: Hashable, Sendable {
    public let lease: LeaseID
    public let worker: ProcessID
    /// Index of the slot at its worker.
    public let slot: Int
    /// The address on which the worker listens, `host:port` (an IPv6 host in brackets).
    public let address: String
    public let pool: String
    public let token: Token
    /// The number of the lease's connection that the grant is for; 1 for the first.
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

    /// The grant's entry in its gateway's mailbox.
    public var letter: String { "\(lease) \(worker)/\(slot)" }

    /// Reads a grant from the wake channel or from `collect`: `lease worker slot epoch token address pool`.
    public init?(payload: String, attach: Int = 1) {
        let parts = words(of: payload)
        guard parts.count == 7, let lease = LeaseID(parts[0]), let worker = ProcessID(parts[1]),
            let slot = Int(parts[2]),
            let epoch = Int64(parts[3]), let number = Int64(parts[4]), !parts[5].isEmpty
        else { return nil }
        self.init(
            lease: lease, worker: worker, slot: slot, address: String(parts[5]), pool: String(parts[6]),
            token: Token(epoch: epoch, number: number), attach: attach)
    }
}

/// Why a grant failed before the worker's proof. The raw value is used in scripts, on the wire and in logs.
public enum RejectReason: String, Sendable, CaseIterable {
    /// The gateway could not reach the worker, or got no proof in time. Quarantines the worker, or suspends the
    /// gateway.
    case unreachable
    /// The worker's slot still serves another client. The slot recycles until the worker's `ready`.
    case occupied
    /// The grant's token is not newer than the slot's last one. Carries that last token, and does not count as an
    /// attempt.
    case stale
    /// The gateway vanished before the proof and gave no verdict. Suspends that gateway.
    case gone
    /// The sidecar could not be connected, or Redis did not commit the accept. The slot recycles.
    case failed
    /// The gateway had no file descriptor left for the dial. The slot is free at once, and neither side is penalised.
    case local
}

/// A worker's report about one slot, at `register` and at every `renew`.
public struct SlotRow: Hashable, Sendable {
    /// The states that a worker may report. Draining is not one of them, because Redis stores it itself.
    public enum State: String, Sendable, CaseIterable {
        case free, leased, kept, recycling, out
    }
    public let slot: Int
    public let state: State
    /// The lease that the slot serves, if `leased` or `kept`.
    public let lease: LeaseID?
    /// The number of that lease's last connection.
    public let attach: Int
    /// The newest token that this slot accepted or received from Redis.
    public let token: Token

    public init(slot: Int, state: State, lease: LeaseID?, token: Token, attach: Int = 1) {
        self.slot = slot
        self.state = state
        self.lease = lease
        self.token = token
        self.attach = attach
    }
}
