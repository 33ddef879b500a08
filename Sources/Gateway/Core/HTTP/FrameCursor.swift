/// Follows a sidecar's bytes to know where each WebSocket frame ends (RFC 6455, section 5.2). It changes no byte.
///
/// If a worker is lost, the gateway tells the client in a close frame of its own. It may do so between two frames only,
/// because a client reads bytes within a frame as payload.
public struct FrameCursor: Sendable {
    enum State: Hashable, Sendable {
        /// In the response's head; this many bytes of its blank line have matched.
        /// Can transition to: header (101), silent.
        case head(matched: Int)
        /// In a frame's header of 2, 4 or 10 bytes (servers do not mask); this many are read.
        /// Can transition to: payload, header, silent (a close frame began).
        case header(read: Int)
        /// In a frame's payload; this many bytes are left. Can transition to: header.
        case payload(left: UInt64)
        /// No close frame may follow, because this is no WebSocket or the sidecar sent one. Can transition to: nothing.
        case silent
    }

    private var state = State.head(matched: 0)
    /// How many bytes of `HTTP/1.1 101` have matched.
    private var statusRead = 0
    private var header: (first: UInt8, second: UInt8) = (0, 0)
    private var length: UInt64 = 0

    public init() {}

    /// True until the first byte of the sidecar's answer. Until then the gateway may answer instead.
    public var mayAnswer: Bool { state == .head(matched: 0) && statusRead == 0 }

    /// True between two frames: a client reads a close frame as one.
    public var mayClose: Bool { state == .header(read: 0) }

    /// Takes the next bytes of the sidecar.
    public mutating func pass(_ bytes: UnsafeRawBufferPointer) {
        var at = 0
        while at < bytes.count {
            switch state {
            case .silent:
                return
            case .payload(let left):
                let taken = min(left, UInt64(bytes.count - at))
                at += Int(taken)
                state = taken == left ? .header(read: 0) : .payload(left: left - taken)
            case .header(let read):
                readHeader(bytes[at], read)
                at += 1
            case .head(let matched):
                readHead(bytes[at], matched)
                at += 1
            }
        }
    }

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
            // Opcode 8: the sidecar closes by itself.
            state = byte & 0x0f == 8 ? .silent : .header(read: 1)
            return
        case 1:
            header.second = byte
            length = 0
        default:
            length = length << 8 | UInt64(byte)
        }
        switch header.second {
        case 0x80...: state = .silent
        case 127: state = read == 9 ? begin(length) : .header(read: read + 1)
        case 126: state = read == 3 ? begin(length) : .header(read: read + 1)
        default: state = begin(UInt64(header.second))
        }
    }

    private func begin(_ length: UInt64) -> State {
        length == 0 ? .header(read: 0) : .payload(left: length)
    }

    /// A close frame as a server sends it.
    /// - Parameters:
    ///   - code: RFC 6455, section 7.4.
    ///   - reason: cut to at most 123 bytes, between characters.
    public static func close(code: UInt16, reason: String) -> [UInt8] {
        var words = reason
        while words.utf8.count > 123 { words.removeLast() }
        return [0x88, UInt8(2 + words.utf8.count), UInt8(code >> 8), UInt8(code & 0xff)] + Array(words.utf8)
    }
}
