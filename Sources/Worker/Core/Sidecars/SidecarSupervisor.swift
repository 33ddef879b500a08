/// Keeps one sidecar process fit for the next client: starts it, replaces it after a session, starts it again with
/// backoff when it fails, and gives it up for a while when it fails again and again.
///
/// A sidecar that ends by itself has failed, whatever its exit status (Playwright's server exits 0 when its browser
/// dies). There is at most one process at a time: a successor starts when its predecessor is gone, so a program
/// that insists on its port works too.
///
/// Times are milliseconds of the caller's monotonic clock. After each call the driver looks at `wakeAt` and calls
/// `timePassed` then.
public struct SidecarSupervisor: Sendable {
    public enum State: Hashable, Sendable {
        /// No process and none wanted. Can transition to: starting.
        case stopped
        /// The process runs and has not said where it listens. Can transition to: ready, stopping, backoff, out.
        case starting(deadline: UInt64, isTrial: Bool)
        /// It listens and serves nobody. Can transition to: busy, stopping, backoff, out.
        case ready(since: UInt64)
        /// It serves a client. Can transition to: leaving, stopping, backoff, out.
        case busy
        /// It ended its client's connection itself, perhaps because it is dying, and has that long to do so: then it
        /// failed, else it is replaced. Can transition to: stopping, backoff, out.
        case leaving(terminateAt: UInt64)
        /// It was told to end. Can transition to: starting, backoff, out, stopped.
        case stopping(Next, killAt: UInt64?)
        /// It failed and is started again at that time. Can transition to: starting, stopped.
        case backoff(until: UInt64)
        /// It failed too often; one trial start at that time. Can transition to: starting, stopped.
        case out(until: UInt64)
    }

    /// What comes after a process that was told to end.
    public enum Next: Hashable, Sendable {
        case successor
        /// It had failed: backoff, or out.
        case retry(isTrial: Bool, Fault)
        case nothing
    }

    /// Why a process that still runs has failed.
    public enum Fault: Hashable, Sendable {
        /// It never said where it listens.
        case silent
        /// It listens no more.
        case unreachable
        /// It has more processes than a slot may have.
        case crowded
    }

    /// What to do to the process.
    public enum Order: Hashable, Sendable {
        case none
        case start
        /// SIGTERM to its group.
        case terminate
        /// SIGKILL to its group.
        case kill
    }

    /// What to tell its slot.
    public enum Report: Hashable, Sendable {
        case none
        /// A fit sidecar waits.
        case ready
        /// There is no fit sidecar any more. Out: none is to be expected soon.
        case lost(isOut: Bool)
        /// The process is gone and none follows.
        case stopped
    }

    /// What an event leads to, for the process and for the slot: neither excludes the other.
    public struct Effect: Hashable, Sendable {
        public let order: Order
        public let report: Report
        init(_ order: Order = .none, _ report: Report = .none) {
            self.order = order
            self.report = report
        }
        public static let nothing = Effect()
    }

    public static let startTimeoutMilliseconds: UInt64 = 30_000
    public static let killAfterMilliseconds: UInt64 = 2_000
    public static let leaveMilliseconds: UInt64 = 20
    public static let backoffMinMilliseconds: UInt64 = 100
    public static let backoffMaxMilliseconds: UInt64 = 30_000
    /// So many failures within the window put the slot out.
    public static let failuresMax = 5
    public static let failureWindowMilliseconds: UInt64 = 60_000
    public static let trialIntervalMilliseconds: UInt64 = 30_000

    public private(set) var state: State = .stopped
    /// Times of the last failures, oldest first, at most `failuresMax`.
    private var failures: [UInt64] = []
    /// Failures since a sidecar last proved itself, for the backoff.
    private var failuresInARow = 0

    private let leaveMilliseconds: UInt64
    private let startTimeoutMilliseconds: UInt64

    /// - Parameters:
    ///   - leaveMilliseconds: how long a sidecar that ended its client's connection has for its own exit.
    ///   - startTimeoutMilliseconds: how long one has to say where it listens.
    public init(
        leaveMilliseconds: UInt64 = SidecarSupervisor.leaveMilliseconds,
        startTimeoutMilliseconds: UInt64 = SidecarSupervisor.startTimeoutMilliseconds
    ) {
        self.leaveMilliseconds = leaveMilliseconds
        self.startTimeoutMilliseconds = startTimeoutMilliseconds
    }

    /// When `timePassed` is due.
    public var wakeAt: UInt64? {
        switch state {
        case .starting(let deadline, _): deadline
        case .leaving(let terminateAt): terminateAt
        case .stopping(_, let killAt): killAt
        case .backoff(let until), .out(let until): until
        case .stopped, .ready, .busy: nil
        }
    }

    // MARK: Orders from the worker

    /// A sidecar is wanted from now on.
    public mutating func start(now: UInt64) -> Effect {
        guard state == .stopped else { return .nothing }
        return launch(now: now, isTrial: false)
    }

    /// A client's bytes go to it now.
    public mutating func sessionBegan() {
        if case .ready = state { state = .busy }
    }

    /// Its client is gone: nobody else may meet it. `hungUp` when it was the sidecar that ended the connection.
    public mutating func replace(hungUp: Bool, now: UInt64) -> Effect {
        switch state {
        case .ready, .busy:
            if hungUp {
                state = .leaving(terminateAt: now + leaveMilliseconds)
                return .nothing
            }
            failuresInARow = 0
            return end(.successor, now: now)
        case .stopped, .starting, .leaving, .stopping, .backoff, .out:
            return .nothing
        }
    }

    /// It listens no more although it runs: a failure.
    public mutating func condemn(now: UInt64) -> Effect {
        switch state {
        case .ready, .busy:
            return end(.retry(isTrial: false, .unreachable), now: now)
        case .stopped, .starting, .leaving, .stopping, .backoff, .out:
            return .nothing
        }
    }

    /// It has more processes than a slot may have: a failure, and each moment makes it worse.
    public mutating func crowded(now: UInt64) -> Effect {
        switch state {
        case .starting(_, let isTrial):
            state = .stopping(.retry(isTrial: isTrial, .crowded), killAt: nil)
        case .ready, .busy, .leaving:
            state = .stopping(.retry(isTrial: false, .crowded), killAt: nil)
        case .stopping(let next, _):
            state = .stopping(next, killAt: nil)
        case .stopped, .backoff, .out:
            return .nothing
        }
        return Effect(.kill)
    }

    /// No sidecar is wanted any more.
    public mutating func stop(now: UInt64) -> Effect {
        switch state {
        case .starting, .ready, .busy, .leaving:
            return end(.nothing, now: now)
        case .stopping(_, let killAt):
            state = .stopping(.nothing, killAt: killAt)
            return .nothing
        case .backoff, .out:
            state = .stopped
            return Effect(.none, .stopped)
        case .stopped:
            return Effect(.none, .stopped)
        }
    }

    // MARK: News of the process

    /// It said where it listens.
    public mutating func announced(now: UInt64) -> Effect {
        guard case .starting = state else { return .nothing }
        state = .ready(since: now)
        return Effect(.none, .ready)
    }

    /// It ended, or could not even be started.
    public mutating func exited(now: UInt64) -> Effect {
        switch state {
        case .starting(_, let isTrial):
            return failed(now: now, isTrial: isTrial)
        case .ready(let since):
            if now >= since + SidecarSupervisor.failureWindowMilliseconds { failuresInARow = 0 }
            return failed(now: now, isTrial: false)
        case .busy, .leaving:
            return failed(now: now, isTrial: false)
        case .stopping(.successor, _):
            return launch(now: now, isTrial: false)
        case .stopping(.retry(let isTrial, _), _):
            return failed(now: now, isTrial: isTrial)
        case .stopping(.nothing, _):
            state = .stopped
            return Effect(.none, .stopped)
        case .stopped, .backoff, .out:
            return .nothing
        }
    }

    /// The time is `now`; early calls do nothing.
    public mutating func timePassed(now: UInt64) -> Effect {
        guard let wakeAt, now >= wakeAt else { return .nothing }
        switch state {
        case .starting(_, let isTrial):
            return end(.retry(isTrial: isTrial, .silent), now: now)
        case .leaving:
            failuresInARow = 0
            return end(.successor, now: now)
        case .stopping(let next, _):
            state = .stopping(next, killAt: nil)
            return Effect(.kill)
        case .backoff:
            return launch(now: now, isTrial: false)
        case .out:
            return launch(now: now, isTrial: true)
        case .stopped, .ready, .busy:
            return .nothing
        }
    }

    // MARK: Steps

    private mutating func launch(now: UInt64, isTrial: Bool) -> Effect {
        state = .starting(deadline: now + startTimeoutMilliseconds, isTrial: isTrial)
        return Effect(.start)
    }

    private mutating func end(_ next: Next, now: UInt64) -> Effect {
        state = .stopping(next, killAt: now + SidecarSupervisor.killAfterMilliseconds)
        return Effect(.terminate)
    }

    private mutating func failed(now: UInt64, isTrial: Bool) -> Effect {
        failuresInARow += 1
        failures.append(now)
        if failures.count > SidecarSupervisor.failuresMax { failures.removeFirst() }
        let isMany =
            failures.count == SidecarSupervisor.failuresMax
            && now - failures[0] <= SidecarSupervisor.failureWindowMilliseconds
        if isTrial || isMany {
            state = .out(until: now + SidecarSupervisor.trialIntervalMilliseconds)
            return Effect(.none, .lost(isOut: true))
        }
        let doublings = min(failuresInARow - 1, 16)
        let backoff = min(
            SidecarSupervisor.backoffMinMilliseconds << UInt64(doublings), SidecarSupervisor.backoffMaxMilliseconds)
        state = .backoff(until: now + backoff)
        return Effect(.none, .lost(isOut: false))
    }
}
