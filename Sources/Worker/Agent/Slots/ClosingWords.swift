import QueueCore
import WorkerCore

/// The Close frame that tells a client why its session ended early (RFC 6455 section 5.5.1).
package struct ClosingWords: Hashable {
    /// RFC 6455 section 7.4.1 and IANA's registry of close codes.
    enum Code: UInt16 { case goingAway = 1001, internalError = 1011, serviceRestart = 1012 }

    let code: Code
    /// At most 123 bytes are sent.
    let reason: String

    /// Said if the sidecar ends the connection and no better reason is known.
    static let sidecarEnded = ClosingWords(
        code: .internalError, reason: "The browser or program behind this session closed the connection")

    var frame: [UInt8] { FrameCursor.close(code: code.rawValue, reason: reason) }
}

extension EndCause {
    /// nil if nothing is to be said: the session has not begun, the client itself left, or the gateway says it.
    var closingWords: ClosingWords? {
        switch self {
        case .leaseEnded, .redisSilent, .sidecarUnreachable, .gatewayClosed, .clientEnded, .firstByteOverdue: nil
        case .sidecarEnded: .sidecarEnded
        case .sidecarFroze:
            ClosingWords(
                code: .internalError, reason: "The browser or program behind this session froze; connect again")
        case .sidecarLost(isLarge: true):
            ClosingWords(
                code: .internalError,
                reason: "The browser or program used more than twice the memory that its pool allows, and was ended")
        case .sidecarLost(isLarge: false):
            ClosingWords(
                code: .internalError, reason: "The browser or program behind this session ended; connect again")
        case .timeOver(.ttl):
            ClosingWords(code: .goingAway, reason: "The session reached the ttl that its client asked for")
        case .timeOver(.idle):
            ClosingWords(
                code: .goingAway, reason: "No message passed for the idle time that the client asked for")
        case .ordered(let reason) where reason == WorkerOrder.drained:
            ClosingWords(
                code: .serviceRestart, reason: "The worker shuts down, and its drain time is over; connect again")
        case .ordered(let reason) where reason == WorkerOrder.strictCaps:
            ClosingWords(
                code: .serviceRestart,
                reason: "The worker could not reach Redis for too long, and caps are strict; connect again")
        case .ordered(let reason):
            ClosingWords(code: .goingAway, reason: "The session was ended by \(reason)")
        }
    }
}

/// The reasons of a worker's own orders to end all sessions. Redis' orders bring one word of their own.
enum WorkerOrder {
    static let drained = "drained"
    static let strictCaps = "strict_caps"
}
