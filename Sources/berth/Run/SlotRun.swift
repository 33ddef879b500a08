/// `berth run`: one command that needs a slot, from the request for the slot to the command's end.
///
/// The slot is held by a response of a gateway, so the end of that response is the end of the slot, and the command is
/// told to end. A gateway that goes away before the slot is granted is asked again, or another one is: the waiter's alias
/// keeps the place in line.
public struct SlotRun: Sendable {
    public enum State: Hashable, Sendable {
        /// The gateway is asked, and the request waits in the queue. Can transition to: pausing, running, over.
        case asking
        /// The gateway went away, or could not answer. Can transition to: asking, over.
        case pausing
        /// The command has the slot. Can transition to: losing, over.
        case running
        /// The slot is lost, and the command was told to end. Can transition to: over.
        case losing
        /// Can transition to: nothing.
        case over
    }

    public enum Action: Hashable, Sendable {
        case none
        /// Send the request, with what is left of the wait.
        case ask(waitMilliseconds: UInt64)
        /// Call `pauseOver` after a second or so.
        case pause(words: String)
        case start(HeldSlotLine)
        /// Send this signal to the command.
        case signal(Int32)
        /// The slot is lost: tell the user why, and send SIGTERM to the command. Call `graceOver` after `graceMilliseconds`.
        case terminate(words: String)
        case kill
        /// End with this exit code, and words if the code does not speak for itself.
        case end(code: Int32, words: String?)
    }

    /// How the command ended.
    public enum CommandEnd: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    /// The exit code if Berth gave the command no slot, or took it away. The same as of `timeout` and `docker run`.
    public static var failureCode: Int32 { 125 }
    /// From SIGTERM to SIGKILL for a command that has lost its slot.
    public static let graceMilliseconds: UInt64 = 10_000
    /// A gateway that has sent nothing for this time is gone: it sends an empty line every 15 s.
    public static let silenceMilliseconds: UInt64 = 45_000

    public private(set) var state = State.asking
    private let deadline: UInt64
    /// A gateway was reached once.
    private var hasReached = false
    /// An earlier request was lost. The fleet may not know yet that its waiter is gone, so the alias may still be taken.
    private var isRepeated = false

    /// - Parameters:
    ///   - now: milliseconds of the loop's clock.
    ///   - waitMilliseconds: the longest wait for a slot.
    public init(now: UInt64, waitMilliseconds: UInt64) { deadline = now + waitMilliseconds }

    // MARK: the gateway

    public func begin(now: UInt64) -> Action { .ask(waitMilliseconds: deadline - min(now, deadline)) }

    public mutating func answered(_ answer: HoldAnswer, now: UInt64) -> Action {
        switch (state, answer) {
        case (.asking, .held(let line)):
            state = .running
            return .start(line)
        case (.asking, .refused(let refusal)):
            let isTemporary = refusal.isTemporary || (refusal.code == "alias_taken" && isRepeated)
            return isTemporary && now < deadline ? pause(refusal.words) : end(refusal.words)
        case (.asking, .ended(let words)), (.asking, .unreadable(let words)): return end(words)
        case (.running, .ended(let words)), (.running, .unreadable(let words)): return lose(words)
        case (.running, .held), (.running, .refused): return lose("the gateway answered twice")
        case (.pausing, _), (.losing, _), (.over, _): return .none
        }
    }

    /// The connection to the gateway failed or ended.
    /// - Parameter wasReached: there was a connection.
    public mutating func disconnected(_ words: String, wasReached: Bool, now: UInt64) -> Action {
        hasReached = hasReached || wasReached
        switch state {
        case .asking:
            // If no gateway was ever reached, the address is wrong, most likely.
            guard hasReached, now < deadline else { return end(words) }
            isRepeated = true
            return pause(words)
        case .running: return lose(words)
        case .pausing, .losing, .over: return .none
        }
    }

    public mutating func pauseOver(now: UInt64) -> Action {
        guard state == .pausing else { return .none }
        state = .asking
        return begin(now: now)
    }

    // MARK: the command

    /// The command could not be started.
    /// - Parameter code: 126 or 127, as of a shell.
    public mutating func startFailed(code: Int32, _ words: String) -> Action {
        guard state == .running else { return .none }
        state = .over
        return .end(code: code, words: words)
    }

    public mutating func commandEnded(_ end: CommandEnd) -> Action {
        switch state {
        case .running:
            state = .over
            switch end {
            case .code(let code): return .end(code: code, words: nil)
            case .signal(let number): return .end(code: 128 + number, words: nil)
            }
        case .losing:
            state = .over
            return .end(code: SlotRun.failureCode, words: nil)
        case .asking, .pausing, .over: return .none
        }
    }

    /// The command that has lost its slot has had its time to end.
    public func graceOver() -> Action {
        state == .losing ? .kill : .none
    }

    /// `berth run` received a signal.
    /// - Parameter reachesCommand: the terminal has sent it to the command too.
    public mutating func signalled(_ number: Int32, reachesCommand: Bool) -> Action {
        switch state {
        case .asking, .pausing:
            state = .over
            return .end(code: 128 + number, words: nil)
        case .running, .losing: return reachesCommand ? .none : .signal(number)
        case .over: return .none
        }
    }

    // MARK: shared steps

    private mutating func pause(_ words: String) -> Action {
        state = .pausing
        return .pause(words: words)
    }

    private mutating func lose(_ words: String) -> Action {
        state = .losing
        return .terminate(words: "the slot is lost: \(words)")
    }

    private mutating func end(_ words: String) -> Action {
        state = .over
        return .end(code: SlotRun.failureCode, words: words)
    }
}
