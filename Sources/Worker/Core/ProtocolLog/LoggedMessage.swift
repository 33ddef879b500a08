/// The side of a session's socket that sent a message.
public enum LoggedSide: String, Hashable, Sendable, CaseIterable {
    case client, sidecar
}

/// A message of a session's socket, as far as a protocol log keeps it.
public struct LoggedMessage: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// The first bytes of the text, as many as the log keeps.
        case text([UInt8])
        case binary
        /// Text or binary that an extension has compressed. `bytes` counts the compressed bytes.
        case compressed
        /// The side's last message, with its status if it has one (RFC 6455 section 7.4).
        case close(status: UInt16?)
        /// The side does not speak WebSocket, or breaks its rules. No later byte of the side is read.
        case unreadable
    }

    public let kind: Kind
    /// The payload's length, of all frames together.
    public let bytes: UInt64

    public init(_ kind: Kind, bytes: UInt64) {
        self.kind = kind
        self.bytes = bytes
    }
}
