import HTTPCore
import QueueCore

/// A slot that a borrower holds by the response to its request (`hold`): no WebSocket client comes.
///
/// The gateway is the worker's WebSocket client. It reads the handshake's answer and the worker's Close, and sends nothing
/// behind the handshake. The borrower gets lines of JSON: one when it has the slot, a last one when it has lost the slot,
/// and an empty one now and then, so that no proxy takes the response for a dead one. The borrower gives the slot back by
/// closing its connection.
public struct HeldSlot: Sendable {
    enum State: Hashable, Sendable {
        /// The worker has proved itself, and the head of its answer is arriving. Can transition to: held, over.
        case opening(SidecarAnswer)
        /// The borrower has the slot. `unread` is the start of a frame. Can transition to: over.
        case held(unread: [UInt8])
        /// The borrower has its last line, or a refusal, or has left. Can transition to: nothing.
        case over
    }

    /// The effect on the borrower.
    public enum Action: Hashable, Sendable {
        case none
        case write([UInt8])
        /// Write these bytes, and end the session and the connection.
        case end([UInt8])
        case refuse(Refusal)
    }

    /// Between two empty lines.
    public static let heldLineMilliseconds: UInt64 = 15_000

    private let lease: LeaseID
    private(set) var state = State.opening(SidecarAnswer())

    /// - Parameter lease: the session's.
    public init(_ lease: LeaseID) { self.lease = lease }

    /// Bytes of the worker.
    public mutating func answered(_ bytes: some Sequence<UInt8>) -> Action {
        switch state {
        case .opening(var answer):
            switch answer.read(bytes) {
            case .needMore:
                state = .opening(answer)
                return .none
            case .refused(let refusal):
                state = .over
                return .refuse(refusal)
            case .accepted(let head, let rest):
                return begin(head, rest)
            }
        case .held(let unread):
            guard let reason = read(unread + bytes) else { return .none }
            return end(reason)
        case .over: return .none
        }
    }

    /// The worker's connection ended.
    public mutating func workerEnded() -> Action {
        switch state {
        case .over: return .none
        case .opening:
            state = .over
            return .refuse(.workerLost)
        case .held: return end("The worker ended before the session did")
        }
    }

    /// The gateway's drain time is over.
    public mutating func drainTimePassed() -> Action {
        switch state {
        case .over: return .none
        case .opening:
            state = .over
            return .refuse(.shuttingDown)
        case .held: return end(Refusal.shuttingDown.message)
        }
    }

    /// Called every `heldLineMilliseconds`.
    public func lineDue() -> Action {
        if case .held = state { .write([0x0A]) } else { .none }
    }

    /// The borrower left, or the gateway has closed its connection.
    public mutating func ended() { state = .over }

    private mutating func begin(_ head: [UInt8], _ rest: [UInt8]) -> Action {
        state = .held(unread: [])
        let opening = APIAnswer.held(lease, name: HeldSlot.name(in: head))
        guard let reason = read(rest) else { return .write(opening) }
        state = .over
        return .end(opening + APIAnswer.heldNoMore(lease, reason: reason))
    }

    private mutating func end(_ reason: String) -> Action {
        state = .over
        return .end(APIAnswer.heldNoMore(lease, reason: reason))
    }

    /// The worker's name for the slot.
    private static func name(in head: [UInt8]) -> String {
        let prefix = "x-berth-lease: "
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        return lines.first { $0.lowercased().hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } ?? ""
    }

    /// Reads frames of a server (RFC 6455 section 5.2). The worker of a lease sends control frames only.
    /// - Returns: why the session has ended; nil while it goes on.
    private mutating func read(_ bytes: [UInt8]) -> String? {
        var rest = bytes[...]
        while rest.count >= 2 {
            let (first, count) = (rest[rest.startIndex], Int(rest[rest.startIndex + 1]))
            guard first & 0x88 == 0x88, count <= ClientFrames.controlBytesMax else {
                return "The worker sent something that Berth does not know"
            }
            guard rest.count >= 2 + count else { break }
            if first & 0x0F == 8 {
                // The reason comes behind the code.
                let reason = String(decoding: rest.dropFirst(4).prefix(max(0, count - 2)), as: UTF8.self)
                return reason.isEmpty ? "The worker closed the session" : reason
            }
            rest = rest.dropFirst(2 + count)
        }
        state = .held(unread: Array(rest))
        return nil
    }
}
