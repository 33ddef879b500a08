/// Follows one side's bytes to know where each WebSocket frame ends (RFC 6455, section 5.2). It changes no byte.
///
/// If a session ends early, the worker or the gateway tells the client why in a Close frame of its own. It may do so
/// between two frames of the sidecar only, because a client reads bytes within a frame as payload.
public struct FrameCursor: Sendable {
    public enum Sender: Hashable, Sendable {
        /// Its request head was read before. Its frames are masked.
        case client
        /// Its first bytes are the head of its answer. Its frames are not masked.
        case sidecar
    }

    enum State: Hashable, Sendable {
        /// In the response's head; this many bytes of its blank line have matched.
        /// Can transition to: header (101), silent.
        case head(matched: Int)
        /// In the first 2, 4 or 10 bytes of a frame; this many are read.
        /// Can transition to: payload, header, silent (a Close frame began).
        case header(read: Int)
        /// In a frame's mask and payload; this many bytes are left. Can transition to: header.
        case payload(left: UInt64)
        /// No Close frame may follow, because this is no WebSocket or the side sent one. Can transition to: nothing.
        case silent
    }

    private let sender: Sender
    private var state: State
    /// How many bytes of `HTTP/1.1 101` have matched.
    private var statusRead = 0
    private var header: (first: UInt8, second: UInt8) = (0, 0)
    private var length: UInt64 = 0
    /// A Close frame of this side began.
    public private(set) var hasClosed = false
    /// The number of reads so far that had a byte of a message, or of something that is no WebSocket.
    public private(set) var messageReads = 0

    public init(of sender: Sender) {
        self.sender = sender
        state = sender == .sidecar ? .head(matched: 0) : .header(read: 0)
    }

    /// True until the first byte of the sidecar's answer. Until then the gateway may answer instead.
    public var mayAnswer: Bool { state == .head(matched: 0) && statusRead == 0 }

    /// True between two frames: a client reads a Close frame as one.
    public var mayClose: Bool { state == .header(read: 0) }

    /// True behind an answer that agreed on WebSocket, until a Close frame.
    public var isWebSocket: Bool {
        switch state {
        case .header, .payload: true
        case .head, .silent: false
        }
    }

    /// Takes the next bytes of this side.
    public mutating func pass(_ bytes: UnsafeRawBufferPointer) {
        var at = 0
        var hasMessage = false
        while at < bytes.count {
            switch state {
            case .silent:
                at = bytes.count
                hasMessage = hasMessage || !hasClosed
            case .payload(let left):
                let taken = min(left, UInt64(bytes.count - at))
                at += Int(taken)
                state = taken == left ? .header(read: 0) : .payload(left: left - taken)
                hasMessage = hasMessage || !isControl
            case .header(let read):
                readHeader(bytes[at], read)
                at += 1
                hasMessage = hasMessage || !isControl
            case .head(let matched):
                readHead(bytes[at], matched)
                at += 1
            }
        }
        if hasMessage { messageReads &+= 1 }
    }

    /// The opcodes of control frames are 8 and above.
    private var isControl: Bool { header.first & 0x0f >= 8 }

    private static let switching = Array("HTTP/1.1 101".utf8)
    private static let blankLine = Array("\r\n\r\n".utf8)

    private mutating func readHead(_ byte: UInt8, _ matched: Int) {
        if statusRead < Self.switching.count {
            guard byte == Self.switching[statusRead] else {
                state = .silent
                return
            }
            statusRead += 1
            return
        }
        let next = byte == Self.blankLine[matched] ? matched + 1 : (byte == Self.blankLine[0] ? 1 : 0)
        state = next == Self.blankLine.count ? .header(read: 0) : .head(matched: next)
    }

    private mutating func readHeader(_ byte: UInt8, _ read: Int) {
        switch read {
        case 0:
            header.first = byte
            // Opcode 8: this side closes by itself.
            hasClosed = byte & 0x0f == 8
            state = hasClosed ? .silent : .header(read: 1)
            return
        case 1:
            header.second = byte
            length = 0
        default:
            length = length << 8 | UInt64(byte)
        }
        let isMasked = header.second & 0x80 != 0
        guard isMasked == (sender == .client) else {
            state = .silent
            return
        }
        switch header.second & 0x7f {
        case 127: state = read == 9 ? begin(length) : .header(read: read + 1)
        case 126: state = read == 3 ? begin(length) : .header(read: read + 1)
        case let short: state = begin(UInt64(short))
        }
    }

    private func begin(_ length: UInt64) -> State {
        // RFC 6455: the highest bit of a length is 0.
        guard length <= UInt64(Int64.max) else { return .silent }
        // A mask has four bytes.
        let left = length + (sender == .client ? 4 : 0)
        return left == 0 ? .header(read: 0) : .payload(left: left)
    }

    /// A Close frame as a server sends it.
    /// - Parameters:
    ///   - code: RFC 6455, section 7.4.
    ///   - reason: cut to at most 123 bytes, between characters.
    public static func close(code: UInt16, reason: String) -> [UInt8] {
        var words = reason
        while words.utf8.count > 123 { words.removeLast() }
        return [0x88, UInt8(2 + words.utf8.count), UInt8(code >> 8), UInt8(code & 0xff)] + Array(words.utf8)
    }
}
