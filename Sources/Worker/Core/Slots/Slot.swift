import QueueCore

/// One slot of a worker. The slot decides which lease uses it, and overrules Redis.
///
/// A slot takes a grant only while it is free, and only with a token newer than every token it has seen. The client's
/// bytes reach the sidecar only after `prove`. `prove` needs two things: Redis committed the accept, and the sidecar is
/// connected. Before `prove` a lease ends by verdict (`reject`), and the sidecar stays, because it received no byte.
/// After `prove` a lease ends by `release`, and the sidecar is replaced.
///
/// If the client's socket drops, the slot may keep the session: the sidecar stays as it is, and a later connection of
/// the same lease uses it. A lease numbers its connections (`attach`), and the slot takes no number twice.
///
/// Each answer from outside (accept, connect, end of the session) carries the token and number of its connection. An
/// answer for an earlier connection changes nothing. The slot does not know its sidecar, only whether one is ready.
public struct Slot: Sendable {
    public enum State: Hashable, Sendable {
        /// A sidecar is ready and no lease holds the slot. Can transition to: offered, recycling, draining, out.
        case free
        /// A grant was presented; the accept and the connection to the sidecar are under way.
        /// Can transition to: occupied, free, kept, recycling, draining, out.
        case offered(Offer)
        /// The proof was sent: a client is served. Can transition to: kept, recycling, draining, out.
        case occupied(LeaseID, Token)
        /// The client's socket dropped; the sidecar stays as it is.
        /// Can transition to: offered, recycling, draining, out.
        case kept(LeaseID, Token)
        /// No sidecar is ready yet: at start, after a session, after a failure. Can transition to: free, draining, out.
        case recycling
        /// The worker drains and no lease holds the slot. Can transition to: nothing.
        case draining
        /// Its sidecar fails again and again, or the machine has no room for a session.
        /// Can transition to: free, draining.
        case out
    }

    /// A grant before its proof.
    public struct Offer: Hashable, Sendable {
        public let lease: LeaseID
        public let token: Token
        /// Which connection of the lease it is for.
        public let attach: Int
        /// The slot kept this lease before, and keeps it again if this connection fails.
        let isKept: Bool
        public internal(set) var isAccepted = false
        public internal(set) var isConnected = false
    }

    /// Stale grants reported to Redis at most while the slot's last token stays the same.
    public static let staleToldMax = 8

    public private(set) var state: State = .recycling
    /// The newest token that the slot has seen. The token never decreases.
    public private(set) var lastToken = Token.none
    /// The lease of `lastToken`. With it the slot tells a copy of a known grant from a token used twice.
    private var lastLease: LeaseID?
    /// The highest connection of that lease that was presented.
    private var lastAttach = 0
    /// The connection that is served, or was served last.
    private var attach = 0
    /// The lease asks to keep the slot after a dropped socket.
    private var keeps = false
    /// The proof was sent, and the sidecar has sent no byte yet.
    private var awaitsSidecar = false
    /// Stale grants reported to Redis since the last token changed, at most `staleToldMax`.
    private var staleTold: [Grant] = []
    private struct Grant: Hashable {
        let lease: LeaseID
        let token: Token
    }
    public private(set) var isDraining = false

    /// A slot without a ready sidecar.
    public init() {}

    // MARK: A grant up to its proof

    /// A grant arrived whose mac, fleet and worker are right.
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

    /// Each stale grant is reported once, because a captured grant that is sent again and again must not cost a script
    /// each time. Redis learns the slot's last token from the first reject, and from each renew.
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

    /// Redis says that the lease is over, so Redis needs no verdict.
    public mutating func acceptEnded(_ token: Token, attach: Int = 1) -> Vacated? {
        guard let offer = offer(token, attach) else { return nil }
        if offer.isKept { return leave(offer, .none, sidecar: .replace) }
        return giveUp(offer, .none, .reject(.failed), sidecar: .keep)
    }

    /// Redis did not answer in time. The accept may be committed nonetheless; then the reject undoes it.
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

    /// The gateway's connection ended. After the proof this is the session's end. Before the proof the slot sends the
    /// verdict `gone`, which changes nothing if the gateway sent a verdict itself.
    public mutating func gatewayClosed(_ token: Token, attach: Int = 1) -> Vacated? {
        if let offer = offer(token, attach) { return giveUp(offer, .reject(.gone), .close, sidecar: .keep) }
        return sessionEnded(token, attach: attach)
    }

    // MARK: A session's end

    /// The sidecar sent its first byte.
    public mutating func sidecarAnswered(_ token: Token, attach: Int = 1) {
        if isServing(token, attach) { awaitsSidecar = false }
    }

    /// The sidecar sent no byte in time after the proof. Only this end of a session is the sidecar's fault for certain,
    /// because no client's head makes a server accept a connection and send nothing.
    public mutating func firstByteOverdue(_ token: Token, attach: Int = 1) -> Vacated? {
        guard awaitsSidecar, isServing(token, attach), let lease else { return nil }
        return leave(lease, token, .close, sidecar: .condemn)
    }

    /// The sidecar has answered no ping, and it may serve other clients.
    public mutating func sidecarFroze(_ token: Token, attach: Int = 1) -> Vacated? {
        guard isServing(token, attach), let lease else { return nil }
        return leave(lease, token, .close, sidecar: .condemn)
    }

    private func isServing(_ token: Token, _ attach: Int) -> Bool {
        guard case .occupied(_, token) = state else { return false }
        return attach == self.attach
    }

    /// The relay is over.
    /// - Parameter isDropped: the client's side ended without a closing handshake. Only then the slot may be kept.
    public mutating func sessionEnded(_ token: Token, attach: Int = 1, isDropped: Bool = true) -> Vacated? {
        guard case .occupied(let lease, token) = state, attach == self.attach else { return nil }
        guard keeps && isDropped else { return leave(lease, token, .close, sidecar: .replace) }
        state = .kept(lease, token)
        return Vacated(
            lease: lease, token: token, verdict: .keep, farewell: .close, sidecar: .keep, ready: nil, attach: attach)
    }

    /// The lease must end now: Redis ended it, an operator ordered it, or a drain's time is over.
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

    /// A sidecar is ready. Returns the token for `ready`.
    public mutating func sidecarReady() -> Token? {
        switch state {
        case .recycling, .out:
            state = .free
            return lastToken
        case .free, .offered, .occupied, .kept, .draining:
            return nil
        }
    }

    /// The sidecar is gone, and its session with it.
    /// - Parameter isOut: the sidecar failed too often, and is not started again soon.
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

    /// The machine has no room for more sessions. A lease that holds the slot stays.
    /// - Returns: true if the slot is out from now on.
    public mutating func takeOut() -> Bool {
        switch state {
        case .free, .recycling:
            state = .out
            return true
        case .offered, .occupied, .kept, .draining, .out:
            return false
        }
    }

    // MARK: Words from Redis and from the operator

    /// Redis has the slot as recycling, with a token that the slot may not know. Returns the token for `ready` if the
    /// slot is free.
    public mutating func recycleNoticed(_ token: Token) -> Token? {
        if token > lastToken {
            lastToken = token
            lastLease = nil
            lastAttach = 0
            staleTold = []
        }
        return state == .free ? lastToken : nil
    }

    /// The worker drains: the slot's lease stays, and the slot takes no other. True if no lease holds the slot, so the
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

    // MARK: The slot as others see it

    /// The lease that holds the slot, before and after the proof.
    public var lease: LeaseID? {
        switch state {
        case .offered(let offer): offer.lease
        case .occupied(let lease, _), .kept(let lease, _): lease
        case .free, .recycling, .draining, .out: nil
        }
    }

    /// The slot's row in `register` and `renew`; nil while an accept is under way, because only its reply tells the
    /// state.
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

    /// Ends an offer. The slot is free at once, or kept as before, because the sidecar received no byte.
    private mutating func giveUp(
        _ offer: Offer, _ verdict: Vacated.Verdict, _ farewell: Vacated.Farewell, sidecar: Vacated.Sidecar,
        isFit: Bool = true
    ) -> Vacated {
        if offer.isKept {
            state = .kept(offer.lease, offer.token)
            return Vacated(
                lease: offer.lease, token: offer.token, verdict: verdict, farewell: farewell, sidecar: .keep,
                ready: nil, attach: offer.attach)
        }
        let isFree = isFit && sidecar == .keep && !isDraining
        state = isDraining ? .draining : isFree ? .free : .recycling
        return Vacated(
            lease: offer.lease, token: offer.token, verdict: verdict, farewell: farewell,
            sidecar: isDraining ? .stop : sidecar, ready: isFree ? lastToken : nil, attach: offer.attach)
    }

    /// Ends a kept session whose next connection was offered.
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
