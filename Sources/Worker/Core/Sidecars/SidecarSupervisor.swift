/// Keeps one sidecar ready for the next client: starts it, replaces it after a session, starts it again with backoff if
/// it fails, and waits longer if it fails again and again.
///
/// A sidecar is ready if it announced its endpoint and a probe passed. While it serves no client it is probed again
/// every `probeIntervalMilliseconds`. A probe is a real handshake, because a frozen browser still answers plain HTTP.
///
/// A sidecar that ends by itself has failed, with any exit status, because Playwright's server exits 0 when its browser
/// dies. There is at most one process at a time: a successor starts after its predecessor is gone, because a program
/// may need one fixed port.
///
/// Times are milliseconds of the caller's monotonic clock. After each call the driver reads `wakeAt`, and calls
/// `timePassed` at that time.
public struct SidecarSupervisor: Sendable {
    public enum State: Hashable, Sendable {
        /// There is no process, and none is wanted. Can transition to: queued.
        case stopped
        /// A process is wanted and may not start yet. Can transition to: starting, stopped.
        case queued(isTrial: Bool)
        /// The process runs and has not announced its endpoint. Can transition to: proving, stopping, backoff, out.
        case starting(deadline: UInt64, isTrial: Bool)
        /// It announced its endpoint and no probe has passed yet. `retryAt`: a probe failed and is repeated.
        /// Can transition to: ready, stopping, backoff, out.
        case proving(deadline: UInt64, isTrial: Bool, retryAt: UInt64?)
        /// It serves no client. Can transition to: busy, leaving, stopping, backoff, out.
        case ready(since: UInt64, Probe)
        /// It serves clients. Can transition to: ready, leaving, stopping, backoff, out.
        case busy(since: UInt64)
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

    /// The probes of a sidecar without clients.
    public enum Probe: Hashable, Sendable {
        case due(at: UInt64, failures: Int)
        case underWay(failures: Int)
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
        /// It does not take or answer connections.
        case unreachable
        /// It uses more than twice the memory that it may.
        case large
        /// It has more processes than a slot may have.
        case crowded
    }

    /// What to do to the process.
    public enum Order: Hashable, Sendable {
        case none
        /// Call `admitted` when the process may start.
        case queue
        case start
        /// Make a handshake, and call `probed`.
        case probe
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
    public static let probeIntervalMilliseconds: UInt64 = 10_000
    /// After a probe that failed. A sidecar that starts may print its endpoint a moment before it listens.
    public static let probeRetryMilliseconds: UInt64 = 1_000
    public static let startProbeRetryMilliseconds: UInt64 = 50
    /// Probes in a row that fail before a sidecar without clients has failed.
    public static let probeFailuresMax = 3
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
    /// For the jitter of backoffs; nil for none.
    private var chance: UInt64?

    /// - Parameters:
    ///   - leaveMilliseconds: how long a sidecar has for its exit after it ended its client's connection.
    ///   - startTimeoutMilliseconds: how long a start may take until the sidecar announces its endpoint.
    ///   - seed: random. Each backoff is shortened by up to a half, so that sidecars that fail together do not start
    ///     together. nil for the whole backoff.
    public init(
        leaveMilliseconds: UInt64 = SidecarSupervisor.leaveMilliseconds,
        startTimeoutMilliseconds: UInt64 = SidecarSupervisor.startTimeoutMilliseconds, seed: UInt64? = nil
    ) {
        chance = seed
        self.leaveMilliseconds = leaveMilliseconds
        self.startTimeoutMilliseconds = startTimeoutMilliseconds
    }

    /// When `timePassed` is due.
    public var wakeAt: UInt64? {
        switch state {
        case .starting(let deadline, _): deadline
        case .proving(let deadline, _, let retryAt): min(deadline, retryAt ?? deadline)
        case .ready(_, .due(let at, _)): at
        case .leaving(let terminateAt): terminateAt
        case .stopping(_, let killAt): killAt
        case .backoff(let until), .out(let until): until
        case .stopped, .queued, .ready(_, .underWay), .busy: nil
        }
    }

    // MARK: Orders from the worker

    /// A sidecar is wanted from now on.
    public mutating func start(now: UInt64) -> Effect {
        guard state == .stopped else { return .nothing }
        return queue(isTrial: false)
    }

    /// The process may start now.
    public mutating func admitted(now: UInt64) -> Effect {
        guard case .queued(let isTrial) = state else { return .nothing }
        state = .starting(deadline: now + startTimeoutMilliseconds, isTrial: isTrial)
        return Effect(.start)
    }

    /// A client's bytes go to it now.
    public mutating func sessionBegan() {
        if case .ready(let since, _) = state { state = .busy(since: since) }
    }

    /// It serves no client any more, and takes others.
    public mutating func sessionsOver(now: UInt64) {
        guard case .busy(let since) = state else { return }
        failuresInARow = 0
        state = .ready(since: since, .due(at: now + SidecarSupervisor.probeIntervalMilliseconds, failures: 0))
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
        case .stopped, .queued, .starting, .proving, .leaving, .stopping, .backoff, .out:
            return .nothing
        }
    }

    /// It runs, but does not take or answer connections: a failure.
    public mutating func condemn(now: UInt64) -> Effect {
        switch state {
        case .ready, .busy:
            return end(.retry(isTrial: false, .unreachable), now: now)
        case .stopped, .queued, .starting, .proving, .leaving, .stopping, .backoff, .out:
            return .nothing
        }
    }

    /// It has more processes than a slot may have, or uses more memory: a failure. It is killed at once, because it may
    /// still grow.
    public mutating func exceeded(_ fault: Fault, now: UInt64) -> Effect {
        switch state {
        case .starting(_, let isTrial), .proving(_, let isTrial, _):
            state = .stopping(.retry(isTrial: isTrial, fault), killAt: nil)
            return Effect(.kill)
        case .ready, .busy, .leaving:
            state = .stopping(.retry(isTrial: false, fault), killAt: nil)
            return Effect(.kill, .lost(isOut: false))
        case .stopping(let next, _):
            state = .stopping(next, killAt: nil)
            return Effect(.kill)
        case .stopped, .queued, .backoff, .out:
            return .nothing
        }
    }

    /// No sidecar is wanted any more.
    public mutating func stop(now: UInt64) -> Effect {
        switch state {
        case .starting, .proving, .ready, .busy, .leaving:
            return end(.nothing, now: now)
        case .stopping(_, let killAt):
            state = .stopping(.nothing, killAt: killAt)
            return .nothing
        case .queued, .backoff, .out:
            state = .stopped
            return Effect(.none, .stopped)
        case .stopped:
            return Effect(.none, .stopped)
        }
    }

    // MARK: News of the process

    /// It announced its endpoint.
    public mutating func announced(now: UInt64) -> Effect {
        guard case .starting(let deadline, let isTrial) = state else { return .nothing }
        state = .proving(deadline: deadline, isTrial: isTrial, retryAt: nil)
        return Effect(.probe)
    }

    /// A probe that was ordered is over.
    public mutating func probed(passed: Bool, now: UInt64) -> Effect {
        switch state {
        case .proving(let deadline, let isTrial, nil):
            guard passed else {
                let retryAt = now + SidecarSupervisor.startProbeRetryMilliseconds
                state = .proving(deadline: deadline, isTrial: isTrial, retryAt: retryAt)
                return .nothing
            }
            state = .ready(since: now, .due(at: now + SidecarSupervisor.probeIntervalMilliseconds, failures: 0))
            return Effect(.none, .ready)
        case .ready(let since, .underWay(let failures)):
            guard !passed else {
                state = .ready(since: since, .due(at: now + SidecarSupervisor.probeIntervalMilliseconds, failures: 0))
                return .nothing
            }
            guard failures + 1 < SidecarSupervisor.probeFailuresMax else {
                return end(.retry(isTrial: false, .unreachable), now: now, .lost(isOut: false))
            }
            let at = now + SidecarSupervisor.probeRetryMilliseconds
            state = .ready(since: since, .due(at: at, failures: failures + 1))
            return .nothing
        case .stopped, .queued, .starting, .proving, .ready, .busy, .leaving, .stopping, .backoff, .out:
            return .nothing
        }
    }

    /// It ended, or could not even be started.
    public mutating func exited(now: UInt64) -> Effect {
        switch state {
        case .starting(_, let isTrial), .proving(_, let isTrial, _):
            return failed(now: now, isTrial: isTrial)
        case .ready(let since, _):
            if now >= since + SidecarSupervisor.failureWindowMilliseconds { failuresInARow = 0 }
            return failed(now: now, isTrial: false)
        case .busy, .leaving:
            return failed(now: now, isTrial: false)
        case .stopping(.successor, _):
            return queue(isTrial: false)
        case .stopping(.retry(let isTrial, _), _):
            return failed(now: now, isTrial: isTrial)
        case .stopping(.nothing, _):
            state = .stopped
            return Effect(.none, .stopped)
        case .stopped, .queued, .backoff, .out:
            return .nothing
        }
    }

    /// The time is `now`; early calls do nothing.
    public mutating func timePassed(now: UInt64) -> Effect {
        guard let wakeAt, now >= wakeAt else { return .nothing }
        switch state {
        case .starting(_, let isTrial):
            return end(.retry(isTrial: isTrial, .silent), now: now)
        case .proving(let deadline, let isTrial, _):
            guard now < deadline else { return end(.retry(isTrial: isTrial, .unreachable), now: now) }
            state = .proving(deadline: deadline, isTrial: isTrial, retryAt: nil)
            return Effect(.probe)
        case .ready(let since, .due(_, let failures)):
            state = .ready(since: since, .underWay(failures: failures))
            return Effect(.probe)
        case .leaving:
            failuresInARow = 0
            return end(.successor, now: now)
        case .stopping(let next, _):
            state = .stopping(next, killAt: nil)
            return Effect(.kill)
        case .backoff:
            return queue(isTrial: false)
        case .out:
            return queue(isTrial: true)
        case .stopped, .queued, .ready, .busy:
            return .nothing
        }
    }

    // MARK: Steps

    private mutating func queue(isTrial: Bool) -> Effect {
        state = .queued(isTrial: isTrial)
        return Effect(.queue)
    }

    private mutating func end(_ next: Next, now: UInt64, _ report: Report = .none) -> Effect {
        state = .stopping(next, killAt: now + SidecarSupervisor.killAfterMilliseconds)
        return Effect(.terminate, report)
    }

    /// A number of 0..<limit, from a linear congruential generator (Knuth, TAOCP volume 2, 3.3.4).
    private mutating func jitter(upTo limit: UInt64) -> UInt64 {
        guard let drawn = chance, limit > 0 else { return 0 }
        let next = drawn &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        chance = next
        return (next >> 33) % limit
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
        state = .backoff(until: now + backoff - jitter(upTo: backoff / 2))
        return Effect(.none, .lost(isOut: false))
    }
}
