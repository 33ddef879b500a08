/// A process' standing in the fleet: whether Redis knows it, and what to do to make it so.
public struct Standing {
    public enum State: Hashable, Sendable {
        /// No connection. Can transition to: registering (up, never registered), member (up, registered before).
        case away
        /// Connected; `register` is under way. Can transition to: member (ok), registering (busy: once more), away.
        case registering
        /// Redis knows this process. Can transition to: registering (Redis ended it), leaving (Redis lost data), away.
        case member
        /// A gateway clears its old entries before it registers anew. Can transition to: registering, away.
        case leaving
        /// Ended by its own word. Can transition to: nothing.
        case left
    }

    /// What the process does to become, or stay, a member.
    public enum Action: Hashable, Sendable {
        case nothing
        case register
        /// Tell Redis to drop all it has of this process, then `hasLeft()`.
        case leave
        /// A worker shows its rows at once.
        case renew
        /// Calls may be sent. `anew`: what Redis had of this process is gone; declare everything again.
        case serve(anew: Bool)
    }

    /// Gateways heal by leaving and registering anew; workers by their slot table.
    public enum Kind: String, Hashable, Sendable {
        case gateway, worker
    }

    public let kind: Kind
    public private(set) var state: State = .away
    /// True once a registration was answered; the next one is then anew.
    private var hasRegistered = false
    private var mustRegister = true

    public init(kind: Kind) {
        self.kind = kind
    }

    /// The connection is up, scripts loaded.
    public mutating func connected() -> Action {
        guard state == .away else { return .nothing }
        if mustRegister {
            state = .registering
            return .register
        }
        state = .member
        return .serve(anew: false)
    }

    /// The connection is gone; what was asked on it may or may not have happened.
    public mutating func disconnected() {
        if state == .leaving { mustRegister = true }
        if state != .left { state = .away }
    }

    /// `register` was answered ok.
    public mutating func registered() -> Action {
        guard state == .registering else { return .nothing }
        state = .member
        mustRegister = false
        defer { hasRegistered = true }
        return .serve(anew: hasRegistered)
    }

    /// Redis still ends the earlier life of this process, a slice a call, or did not take it: it asks again.
    public func askAgain() -> Action {
        state == .registering ? .register : .nothing
    }

    /// A call was answered `unknown`: Redis has no such process.
    public mutating func unknown() -> Action {
        guard state == .member || state == .leaving else { return .nothing }
        mustRegister = true
        state = .registering
        return .register
    }

    /// A reply told of a later epoch.
    public mutating func historyLost() -> Action {
        guard state == .member else { return .nothing }
        switch kind {
        case .worker:
            return .renew
        case .gateway:
            mustRegister = true
            state = .leaving
            return .leave
        }
    }

    /// `leave` was answered.
    public mutating func hasLeft() -> Action {
        guard state == .leaving else { return .nothing }
        state = .registering
        return .register
    }

    /// The process ends by its own word.
    public mutating func quit() {
        state = .left
    }
}
