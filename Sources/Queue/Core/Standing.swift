/// The state of a process in its fleet: whether Redis knows the process, and what to do until Redis does.
public struct Standing {
    public enum State: Hashable, Sendable {
        /// No connection. Can transition to: registering (up, never registered), member (up, registered before).
        case away
        /// Connected; `register` is under way. Can transition to: member (ok), registering (busy: once more), away.
        case registering
        /// Redis knows this process. Can transition to: registering (Redis ended it), leaving (Redis lost data), away.
        case member
        /// A gateway deletes its old entries before it registers again. Can transition to: registering, away.
        case leaving
        /// The process quit. Can transition to: nothing.
        case left
    }

    /// The next step of the process to become, or stay, a member.
    public enum Action: Hashable, Sendable {
        case nothing
        case register
        /// Make Redis delete all data of this process, then call `hasLeft()`.
        case leave
        /// A worker sends its rows at once.
        case renew
        /// Calls may be sent. `anew`: Redis has no data of this process any more, so declare everything again.
        case serve(anew: Bool)
    }

    /// After Redis lost data, a gateway leaves and registers again. A worker sends its slot table.
    public enum Kind: String, Hashable, Sendable {
        case gateway, worker
    }

    public let kind: Kind
    public private(set) var state: State = .away
    /// True after the first registration. A later registration is reported with `anew`.
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

    /// The connection is lost. Calls without an answer may or may not have been executed.
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

    /// Register again, because Redis did not accept the process, or still deletes its earlier data, a slice per call.
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

    /// A reply has a later epoch.
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

    /// The process quits.
    public mutating func quit() {
        state = .left
    }
}
