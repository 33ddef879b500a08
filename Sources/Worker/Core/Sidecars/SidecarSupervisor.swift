/// Keeps one sidecar ready for the next client: starts it, replaces it after a session, starts it again with backoff if
/// it fails, and waits longer if it fails again and again.
///
/// A sidecar that ends by itself has failed, with any exit status, because Playwright's server exits 0 when its browser
/// dies. There is at most one process at a time: a successor starts after its predecessor is gone, because a program
/// may need one fixed port.
///
/// Times are milliseconds of the caller's monotonic clock. After each call the driver reads `wakeAt`, and calls
/// `timePassed` at that time.
public struct SidecarSupervisor: Sendable {
    public enum State: Hashable, Sendable {
        /// There is no process, and none is wanted. Can transition to: starting.
        case stopped
        /// The process runs and has not announced its endpoint. Can transition to: ready, stopping, backoff, out.
        case starting(deadline: UInt64, isTrial: Bool)
        /// It listens and serves no client. Can transition to: busy, stopping, backoff, out.
        case ready(since: UInt64)
        /// It serves a client. Can transition to: leaving, stopping, backoff, out.
        case busy
        /// It ended its client's connection. If it exits before that time, it failed; if not, it is replaced.
        /// Can transition to: stopping, backoff, out.
        case leaving(terminateAt: UInt64)
        /// It received SIGTERM or SIGKILL. Can transition to: starting, backoff, out, stopped.
        case stopping(Next, killAt: UInt64?)
        /// It failed and is started again at that time. Can transition to: starting, stopped.
        case backoff(until: UInt64)
        /// It failed too often; one trial start follows at that time. Can transition to: starting, stopped.
        case out(until: UInt64)
    }

    /// The step after a process that was ordered to end is gone.
    public enum Next: Hashable, Sendable {
        case successor
        /// The process had failed: backoff, or out.
        case retry(isTrial: Bool, Fault)
        case nothing
    }

    /// Why a process that still runs has failed.
    public enum Fault: Hashable, Sendable {
        /// It did not announce its endpoint in time.
        case silent
        /// It does not take connections.
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
        /// A sidecar is ready.
        case ready
        /// The sidecar is not ready any more. Out: no successor starts soon.
        case lost(isOut: Bool)
        /// The process is gone and none follows.
        case stopped
    }

    /// The result of an event: an order for the process, and a report to the slot.
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
    /// The slot is out after so many failures within the window.
    public static let failuresMax = 5
    public static let failureWindowMilliseconds: UInt64 = 60_000
    public static let trialIntervalMilliseconds: UInt64 = 30_000

    public private(set) var state: State = .stopped
    /// Times of the last failures, oldest first, at most `failuresMax`.
    private var failures: [UInt64] = []
    /// Failures since a sidecar last served a client or stayed up, for the backoff.
    private var failuresInARow = 0

    private let leaveMilliseconds: UInt64
    private let startTimeoutMilliseconds: UInt64

    /// - Parameters:
    ///   - leaveMilliseconds: how long a sidecar has for its exit after it ended its client's connection.
    ///   - startTimeoutMilliseconds: how long a start may take until the sidecar announces its endpoint.
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

    /// Its session is over, and no other client may use it.
    /// - Parameter hungUp: the sidecar ended the connection.
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

    /// It runs, but does not take or answer connections: a failure.
    public mutating func condemn(now: UInt64) -> Effect {
        switch state {
        case .ready, .busy:
            return end(.retry(isTrial: false, .unreachable), now: now)
        case .stopped, .starting, .leaving, .stopping, .backoff, .out:
            return .nothing
        }
    }

    /// It has more processes than a slot may have: a failure. It is killed at once, because the number may still grow.
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

    /// It announced its endpoint.
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
