import QueueCore

/// One slot of a worker, as the worker itself knows it: the last word on who may use it.
///
/// Redis proposes, the slot disposes. A grant is taken only while the slot is free and only with a token newer than
/// any the slot ever heard of, whatever Redis believes. The client's bytes reach the sidecar only after `prove`,
/// and that comes only when Redis committed the accept *and* the sidecar is connected. Until then a slot is given up
/// by verdict (`reject`), and its sidecar, which has seen nothing, stays; afterwards by `release`, and its sidecar is
/// replaced.
///
/// A session whose client's socket dropped may be kept: its sidecar stays as it is, and the same lease is offered again to
/// a later connection. Connections of a lease are counted (`attach`), and none is taken twice.
///
/// Answers of the outside (accept, connect, end of the session) carry the token and the connection they belong to; one
/// that belongs to an earlier one changes nothing. The slot does not know the sidecar's process, only whether one is fit.
public struct Slot: Sendable {
    public enum State: Hashable, Sendable {
        /// A fit sidecar waits and nobody holds it. Can transition to: offered, recycling, draining, out.
        case free
        /// A grant was presented; accept and sidecar are under way. Can transition to: occupied, free, kept,
        /// recycling, draining, out.
        case offered(Offer)
        /// The proof was sent: a client is served. Can transition to: kept, recycling, draining, out.
        case occupied(LeaseID, Token)
        /// Its client's socket dropped; the sidecar waits as it was left. Can transition to: offered, recycling, draining,
        /// out.
        case kept(LeaseID, Token)
        /// No fit sidecar yet: at start, after a session, after a failure. Can transition to: free, draining, out.
        case recycling
        /// The worker leaves and this slot holds nobody. Can transition to: nothing.
        case draining
        /// Its sidecar fails again and again. Can transition to: free, draining.
        case out
    }

    /// A grant on its way to the proof.
    public struct Offer: Hashable, Sendable {
        public let lease: LeaseID
        public let token: Token
        /// Which connection of the lease it is for.
        public let attach: Int
        /// The lease was served before, and is kept if this connection comes to nothing.
        let isKept: Bool
        public internal(set) var isAccepted = false
        public internal(set) var isConnected = false
    }

    /// Stale grants that Redis is told of while the slot's last token stays the same.
    public static let staleToldMax = 8

    public private(set) var state: State = .recycling
    /// The newest token this slot accepted or was told of. It never falls.
    public private(set) var lastToken = Token.none
    /// The lease that came with `lastToken`, to tell a copy of a known grant from a token used twice.
    private var lastLease: LeaseID?
    /// The highest connection of that lease that was presented.
    private var lastAttach = 0
    /// The connection that is served, or was when it dropped.
    private var attach = 0
    /// The holder asked for its slot to be kept after a dropped socket.
    private var keeps = false
    /// The proof was sent, and no byte of the sidecar came yet.
    private var awaitsSidecar = false
    /// Stale grants that Redis was told of since the last token changed, at most `staleToldMax`.
    private var staleTold: [Grant] = []
    private struct Grant: Hashable {
        let lease: LeaseID
        let token: Token
    }
    public private(set) var isDraining = false

    /// A slot without a sidecar yet.
    public init() {}

    // MARK: Answers

    /// The answer to a grant.
    public enum Presented: Hashable, Sendable {
        /// Commit the accept and connect the sidecar, both at once.
        case begin
        /// Tell Redis and the gateway. The token is the slot's last, for Redis to go on above it.
        case reject(RejectReason, token: Token, slotFree: Bool)
        /// Tell the gateway alone: Redis was told of this slot's last token before.
        case refuse(RejectReason)
        /// A copy of a grant that was presented before. Close; its lease has its own way.
        case drop
    }

    /// How far an offer has come.
    public enum Progress: Hashable, Sendable {
        case wait
        /// Both stand: send the proof, then the client's head. From here on only `release` ends the lease.
        case prove
    }

    /// A slot that was given up: what Redis, the gateway and the sidecar are told, in this order.
    public struct Vacated: Hashable, Sendable {
        /// What Redis is told.
        public enum Verdict: Hashable, Sendable {
            /// Redis has ended the lease itself.
            case none
            case reject(RejectReason)
            case release
            /// The lease stands, and waits for its next connection.
            case keep
        }
        /// What becomes of the gateway's connection.
        public enum Farewell: Hashable, Sendable {
            /// The connection is over already, or carries the client's session: close it.
            case close
            /// The sidecar is gone: what it had sent still goes out, then close.
            case flush
            /// Still before the proof: say why, then close.
            case reject(RejectReason)
        }
        /// What becomes of the sidecar.
        public enum Sidecar: Hashable, Sendable {
            /// It saw no byte of a client, or it is gone already.
            case keep
            case replace
            /// The sidecar took no connection, or answered none: a failure of the sidecar.
            case condemn
            case stop
        }
        public let lease: LeaseID
        public let token: Token
        public let verdict: Verdict
        public let farewell: Farewell
        public let sidecar: Sidecar
        /// Where set, the slot is free again: `ready` with this token, after the verdict.
        public let ready: Token?
        /// The connection that ended.
        public internal(set) var attach = 1
    }

    // MARK: A grant up to its proof

    /// A grant came whose mac, fleet and worker are right.
    public mutating func presented(_ lease: LeaseID, _ token: Token, attach: Int = 1) -> Presented {
        let isKnown = token == lastToken && lease == lastLease
        if isKnown && attach <= lastAttach { return .drop }
        guard isKnown || token > lastToken else { return stale(Grant(lease: lease, token: token)) }
        if !isKnown { staleTold = [] }
        lastToken = token
        lastLease = lease
        lastAttach = attach
        switch state {
        case .free:
            state = .offered(Offer(lease: lease, token: token, attach: attach, isKept: false))
            return .begin
        case .kept(lease, token):
            state = .offered(Offer(lease: lease, token: token, attach: attach, isKept: true))
            return .begin
        case .offered, .occupied, .kept, .recycling, .draining:
            return .reject(.occupied, token: token, slotFree: false)
        case .out:
            return .reject(.failed, token: token, slotFree: false)
        }
    }

    /// Redis learns the slot's last token from the first reject, and from each renew. A captured grant that is sent again
    /// and again must not cost a script each time.
    private mutating func stale(_ grant: Grant) -> Presented {
        guard !staleTold.contains(grant), staleTold.count < Slot.staleToldMax else { return .refuse(.stale) }
        staleTold.append(grant)
        return .reject(.stale, token: lastToken, slotFree: state == .free)
    }

    /// Redis committed the accept.
    /// - Parameter keeps: the slot is kept after a dropped socket.
    public mutating func acceptCommitted(_ token: Token, attach: Int = 1, keeps: Bool = false) -> Progress {
        guard var offer = offer(token, attach) else { return .wait }
        offer.isAccepted = true
        self.keeps = keeps
        return advance(offer)
    }

    /// Redis says that the lease is over: whoever ended it has told everybody else.
    public mutating func acceptEnded(_ token: Token, attach: Int = 1) -> Vacated? {
        guard let offer = offer(token, attach) else { return nil }
        if offer.isKept { return leave(offer, .none, sidecar: .replace) }
        return giveUp(offer, .none, .reject(.failed), sidecar: .keep)
    }

    /// Redis did not answer in time. It may have committed nonetheless: the reject undoes that.
    public mutating func acceptFailed(_ token: Token, attach: Int = 1) -> Vacated? {
        offer(token, attach).map { giveUp($0, .reject(.failed), .reject(.failed), sidecar: .keep) }
    }

    /// The sidecar took the connection. Nothing was sent on it.
    public mutating func sidecarConnected(_ token: Token, attach: Int = 1) -> Progress {
        guard var offer = offer(token, attach) else { return .wait }
        offer.isConnected = true
        return advance(offer)
    }

    /// The sidecar did not take the connection in time.
    public mutating func sidecarUnreachable(_ token: Token, attach: Int = 1) -> Vacated? {
        guard let offer = offer(token, attach) else { return nil }
        if offer.isKept { return leave(offer, .release, sidecar: .condemn) }
        return giveUp(offer, .reject(.failed), .reject(.failed), sidecar: .condemn)
    }

    /// The gateway's connection ended. Before the proof that is a gateway that vanished (had it given a verdict, ours
    /// changes nothing); after it, it is the session's end.
    public mutating func gatewayClosed(_ token: Token, attach: Int = 1) -> Vacated? {
        if let offer = offer(token, attach) { return giveUp(offer, .reject(.gone), .close, sidecar: .keep) }
        return sessionEnded(token, attach: attach)
    }

    // MARK: A session's end

    /// The first byte of the sidecar came.
    public mutating func sidecarAnswered(_ token: Token, attach: Int = 1) {
        if isServing(token, attach) { awaitsSidecar = false }
    }

    /// The sidecar sent no byte within its time after the proof. It is the only end of a session that is the sidecar's fault
    /// for certain: no client's head makes a server accept a connection and say nothing.
    public mutating func firstByteOverdue(_ token: Token, attach: Int = 1) -> Vacated? {
        guard awaitsSidecar, isServing(token, attach), let lease else { return nil }
        return leave(lease, token, .close, sidecar: .condemn)
    }

    private func isServing(_ token: Token, _ attach: Int) -> Bool {
        guard case .occupied(_, token) = state else { return false }
        return attach == self.attach
    }

    /// The relay is over.
    /// - Parameter bySidecar: its side ended first: there is nothing left to keep.
    public mutating func sessionEnded(_ token: Token, attach: Int = 1, bySidecar: Bool = false) -> Vacated? {
        guard case .occupied(let lease, token) = state, attach == self.attach else { return nil }
        guard keeps && !bySidecar else { return leave(lease, token, .close, sidecar: .replace) }
        state = .kept(lease, token)
        return Vacated(
            lease: lease, token: token, verdict: .keep, farewell: .close, sidecar: .keep, ready: nil, attach: attach)
    }

    /// The lease must end now: Redis ended it, an operator asked for it, or a drain's time is over.
    public mutating func closeOrdered(_ ordered: LeaseID) -> Vacated? {
        switch state {
        case .offered(let offer) where offer.lease == ordered:
            if offer.isKept { return leave(offer, .release, sidecar: .replace) }
            return giveUp(offer, .reject(.failed), .reject(.failed), sidecar: .keep)
        case .occupied(let lease, let token) where lease == ordered, .kept(let lease, let token) where lease == ordered:
            return leave(lease, token, .close, sidecar: .replace)
        case .free, .offered, .occupied, .kept, .recycling, .draining, .out:
            return nil
        }
    }

    // MARK: The sidecar

    /// A fit sidecar waits. Returns the token to call `ready` with.
    public mutating func sidecarReady() -> Token? {
        switch state {
        case .recycling, .out:
            state = .free
            return lastToken
        case .free, .offered, .occupied, .kept, .draining:
            return nil
        }
    }

    /// The sidecar is gone, and with it whoever used it. `isOut` when it is not started again for now.
    public mutating func sidecarLost(isOut: Bool) -> Vacated? {
        let vacated: Vacated?
        switch state {
        case .offered(let offer):
            vacated =
                offer.isKept
                ? leave(offer, .release, sidecar: .keep)
                : giveUp(offer, .reject(.failed), .reject(.failed), sidecar: .keep, isFit: false)
        case .occupied(let lease, let token):
            vacated = leave(lease, token, .flush, sidecar: .keep)
        case .kept(let lease, let token):
            vacated = leave(lease, token, .close, sidecar: .keep)
        case .free:
            state = .recycling
            vacated = nil
        case .recycling, .draining, .out:
            vacated = nil
        }
        if isOut && state == .recycling { state = .out }
        return vacated
    }

    // MARK: Words from Redis and from the operator

    /// Redis has the slot recycling from a token that may never have come here. Returns the token to answer `ready`
    /// with, where the slot is free.
    public mutating func recycleNoticed(_ token: Token) -> Token? {
        if token > lastToken {
            lastToken = token
            lastLease = nil
            lastAttach = 0
            staleTold = []
        }
        return state == .free ? lastToken : nil
    }

    /// The worker leaves: whoever is served stays, nobody else comes. True when nobody holds the slot and the
    /// sidecar can stop now.
    public mutating func drain() -> Bool {
        isDraining = true
        switch state {
        case .free, .recycling, .out:
            state = .draining
            return true
        case .offered, .occupied, .kept, .draining:
            return false
        }
    }

    // MARK: What it looks like from outside

    /// The lease that holds the slot, before and after the proof.
    public var lease: LeaseID? {
        switch state {
        case .offered(let offer): offer.lease
        case .occupied(let lease, _), .kept(let lease, _): lease
        case .free, .recycling, .draining, .out: nil
        }
    }

    /// What `register` and `renew` say of it; nil while an accept is under way, whose reply tells the rest.
    public func row(_ index: Int) -> SlotRow? {
        switch state {
        case .free:
            SlotRow(slot: index, state: .free, lease: nil, token: lastToken)
        case .offered(let offer):
            offer.isAccepted
                ? SlotRow(slot: index, state: .leased, lease: offer.lease, token: offer.token, attach: offer.attach)
                : nil
        case .occupied(let lease, let token):
            SlotRow(slot: index, state: .leased, lease: lease, token: token, attach: attach)
        case .kept(let lease, let token):
            SlotRow(slot: index, state: .kept, lease: lease, token: token, attach: attach)
        case .recycling, .draining:
            SlotRow(slot: index, state: .recycling, lease: nil, token: lastToken)
        case .out:
            SlotRow(slot: index, state: .out, lease: nil, token: lastToken)
        }
    }

    // MARK: Steps

    private func offer(_ token: Token, _ attach: Int) -> Offer? {
        guard case .offered(let offer) = state, offer.token == token, offer.attach == attach else { return nil }
        return offer
    }

    private mutating func advance(_ offer: Offer) -> Progress {
        guard offer.isAccepted && offer.isConnected else {
            state = .offered(offer)
            return .wait
        }
        state = .occupied(offer.lease, offer.token)
        attach = offer.attach
        awaitsSidecar = true
        return .prove
    }

    /// Ends an offer. A sidecar that saw nothing serves the next client, so the slot is free at once, or kept as before.
    private mutating func giveUp(
        _ offer: Offer, _ verdict: Vacated.Verdict, _ farewell: Vacated.Farewell, sidecar: Vacated.Sidecar,
        isFit: Bool = true
    ) -> Vacated {
        if offer.isKept {
            state = .kept(offer.lease, offer.token)
            return Vacated(
                lease: offer.lease, token: offer.token, verdict: verdict, farewell: farewell, sidecar: .keep,
                ready: nil,
                attach: offer.attach)
        }
        let isFree = isFit && sidecar == .keep && !isDraining
        state = isDraining ? .draining : isFree ? .free : .recycling
        return Vacated(
            lease: offer.lease, token: offer.token, verdict: verdict, farewell: farewell,
            sidecar: isDraining ? .stop : sidecar, ready: isFree ? lastToken : nil, attach: offer.attach)
    }

    /// Ends a kept session whose next client was on its way.
    private mutating func leave(
        _ offer: Offer, _ verdict: Vacated.Verdict, sidecar: Vacated.Sidecar
    ) -> Vacated {
        leave(offer.lease, offer.token, .reject(.failed), sidecar: sidecar, verdict, attach: offer.attach)
    }

    private mutating func leave(
        _ lease: LeaseID, _ token: Token, _ farewell: Vacated.Farewell, sidecar: Vacated.Sidecar,
        _ verdict: Vacated.Verdict = .release, attach: Int? = nil
    ) -> Vacated {
        state = isDraining ? .draining : .recycling
        return Vacated(
            lease: lease, token: token, verdict: verdict, farewell: farewell, sidecar: isDraining ? .stop : sidecar,
            ready: nil, attach: attach ?? self.attach)
    }
}
