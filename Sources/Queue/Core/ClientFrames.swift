/// Reads the WebSocket frames of a client whose connection ends here (RFC 6455 section 5): one that only holds a lease, or
/// one that waits for its slot behind a 101. Messages are dropped, or kept as they came for a later sidecar.
///
/// Memory is bounded: a frame's head, the payload of one control frame, and the messages that are kept.
public struct ClientFrames: Sendable {
    /// Longest payload of a control frame, in bytes.
    public static let controlBytesMax = 125

    /// A frame, or the error, that needs an answer.
    public enum Event: Hashable, Sendable {
        case ping([UInt8])
        /// The client ends the connection. `status` has two bytes, or none.
        case close(status: [UInt8])
        /// The client breaks the protocol.
        case violation
        /// The messages are more than may be kept.
        case overflow
    }

    private enum Part: Hashable, Sendable {
        /// The first bytes of a frame. Can transition to: message, control, over.
        case head([UInt8])
        /// So many bytes of a message are to be dropped. Can transition to: head.
        case message(left: UInt64)
        /// A control frame. Can transition to: head, over.
        case control(opcode: UInt8, mask: [UInt8], payload: [UInt8], count: Int)
        /// No more is read. Can transition to: nothing.
        case over
    }

    private var part = Part.head([])
    /// 0 to drop messages.
    private let keptBytesMax: Int
    private var kept: [UInt8] = []

    /// - Parameter keptBytesMax: the most bytes of messages to keep, with the heads of their frames. 0 to drop messages.
    public init(keptBytesMax: Int = 0) { self.keptBytesMax = keptBytesMax }

    /// No more is read after a Close frame or an error.
    public var isOver: Bool { part == .over }

    /// The bytes for a sidecar that serves the client from here on: the messages that were kept, and the frame that has
    /// begun. Nothing is read after that.
    public mutating func handOver() -> [UInt8] {
        var bytes = kept
        switch part {
        case .head(let head): bytes += head
        case .control(let opcode, let mask, let payload, let count):
            bytes += [0x80 | opcode, 0x80 | UInt8(count)] + mask
            bytes += payload.enumerated().map { $0.element ^ mask[$0.offset % 4] }
        case .message, .over: break
        }
        kept = []
        part = .over
        return bytes
    }

    /// - Returns: the events in the bytes, in their order. `close`, `violation` and `overflow` are the last ones.
    public mutating func read(_ bytes: some Sequence<UInt8>) -> [Event] {
        var events: [Event] = []
        var rest = Array(bytes)[...]
        while let byte = rest.first {
            switch part {
            case .over:
                return events
            case .message(let left):
                let taken = min(left, UInt64(rest.count))
                part = left == taken ? .head([]) : .message(left: left - taken)
                keep(rest.prefix(Int(taken)), &events)
                rest = rest.dropFirst(Int(taken))
            case .head(let head):
                rest.removeFirst()
                advance(head + [byte], &events)
            case .control(let opcode, let mask, let payload, let count):
                rest.removeFirst()
                finish(opcode, mask, payload + [byte ^ mask[payload.count % 4]], count, &events)
            }
        }
        return events
    }

    private mutating func advance(_ head: [UInt8], _ events: inout [Event]) {
        part = .head(head)
        guard head.count >= 2 else { return }
        let (first, second) = (head[0], head[1])
        let opcode = first & 0x0F
        let isControl = opcode >= 8
        let isLast = first & 0x80 != 0
        // No extension was agreed on, and clients mask their frames.
        guard first & 0x70 == 0, second & 0x80 != 0, [0, 1, 2, 8, 9, 10].contains(opcode),
            !isControl || isLast && second & 0x7F <= UInt8(ClientFrames.controlBytesMax)
        else { return violate(&events) }
        let sizeBytes = second & 0x7F == 127 ? 8 : second & 0x7F == 126 ? 2 : 0
        guard head.count == 2 + sizeBytes + 4 else { return }
        let size =
            sizeBytes == 0 ? UInt64(second & 0x7F) : head[2..<2 + sizeBytes].reduce(0) { $0 << 8 | UInt64($1) }
        guard size <= UInt64(Int64.max) else { return violate(&events) }
        if isControl {
            finish(opcode, Array(head.suffix(4)), [], Int(size), &events)
        } else {
            part = size == 0 ? .head([]) : .message(left: size)
            keep(head[...], &events)
        }
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>, _ events: inout [Event]) {
        guard keptBytesMax > 0 else { return }
        guard kept.count + bytes.count <= keptBytesMax else {
            part = .over
            kept = []
            return events.append(.overflow)
        }
        kept += bytes
    }

    private mutating func finish(
        _ opcode: UInt8, _ mask: [UInt8], _ payload: [UInt8], _ count: Int, _ events: inout [Event]
    ) {
        guard payload.count == count else {
            part = .control(opcode: opcode, mask: mask, payload: payload, count: count)
            return
        }
        part = .head([])
        switch opcode {
        case 8:
            guard count != 1 else { return violate(&events) }
            part = .over
            events.append(.close(status: Array(payload.prefix(2))))
        case 9: events.append(.ping(payload))
        default: break
        }
    }

    private mutating func violate(_ events: inout [Event]) {
        part = .over
        events.append(.violation)
    }

    // MARK: Answers

    public static func pong(_ payload: [UInt8]) -> [UInt8] { [0x8A, UInt8(payload.count)] + payload }

    public static func close(status: [UInt8]) -> [UInt8] { [0x88, UInt8(status.count)] + status }

    /// The status of a Close after an error of the client: 1002 (RFC 6455 section 7.4.1).
    public static let protocolError: [UInt8] = [0x03, 0xEA]
}
