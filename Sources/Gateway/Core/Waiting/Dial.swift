import QueueCore

/// One call of a worker with a grant, from the grant to the worker's proof or to the verdict.
///
/// The state tells which side may free the slot. Before the first packet to the worker the gateway frees the slot, by
/// `cancel`. After that packet the worker may have accepted the grant, so that a verdict must come first. After the
/// proof only the worker frees the slot.
public struct Dial: Hashable, Sendable {
    public enum State: Hashable, Sendable {
        /// A slot is ours, and nothing was sent to its worker yet.
        /// Can transition to: dialing, rejected.
        case granted
        /// The worker was called.
        /// Can transition to: proved, rejected.
        case dialing
        /// The worker accepted the grant and connected its sidecar.
        /// Can transition to: nothing.
        case proved
        /// The dial failed, and the verdict is on its way to Redis.
        /// Can transition to: nothing.
        case rejected(RejectReason)
    }

    /// Why a dial ended without a proof.
    public enum Failure: Hashable, Sendable {
        case unreachable
        /// This process had no descriptor left to dial with, or could not look up the worker's name.
        case local
        /// The worker's own verdict. Redis may not have it yet, or may never get it.
        case rejected(RejectReason)

        var reason: RejectReason {
            switch self {
            case .unreachable: .unreachable
            case .local: .local
            case .rejected(let reason): reason
            }
        }
    }

    public let grant: Grant
    public private(set) var state = State.granted

    public init(_ grant: Grant) { self.grant = grant }

    /// The worker has not answered yet: the dial must not be disturbed.
    public var isUnderWay: Bool {
        switch state {
        case .granted, .dialing: true
        case .proved, .rejected: false
        }
    }

    /// The connection to the worker is being opened.
    public mutating func began() {
        switch state {
        case .granted: state = .dialing
        case .dialing, .proved, .rejected: break
        }
    }

    /// The worker proved itself.
    /// - Returns: false if the dial waited for no proof.
    public mutating func proved() -> Bool {
        switch state {
        case .dialing:
            state = .proved
            return true
        case .granted, .proved, .rejected:
            return false
        }
    }

    /// The dial ended without a proof.
    /// - Returns: the verdict for the queue; nil if the dial had ended before.
    public mutating func failed(_ failure: Failure) -> RejectReason? {
        switch state {
        case .granted, .dialing:
            state = .rejected(failure.reason)
            return failure.reason
        case .proved, .rejected:
            return nil
        }
    }
}
