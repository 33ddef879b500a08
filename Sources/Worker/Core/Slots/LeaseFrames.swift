/// Reads the WebSocket frames of a client that only holds a lease (RFC 6455 section 5). Messages are read and dropped.
///
/// Memory is bounded: a frame's head, and the payload of one control frame.
public struct LeaseFrames: Sendable {
    /// Longest payload of a control frame, in bytes.
    public static let controlBytesMax = 125

    /// A frame, or the error, that needs an answer.
    public enum Event: Hashable, Sendable {
        case ping([UInt8])
        /// The client ends the connection. `status` has two bytes, or none.
        case close(status: [UInt8])
        /// The client breaks the protocol.
        case violation
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

    public init() {}

    /// No more is read after a Close frame or an error.
    public var isOver: Bool { part == .over }

    /// - Returns: the events in the bytes, in their order. `close` and `violation` are the last ones.
    public mutating func read(_ bytes: some Sequence<UInt8>) -> [Event] {
        var events: [Event] = []
        var rest = Array(bytes)[...]
        while let byte = rest.first {
            switch part {
            case .over:
                return events
            case .message(let left):
                let dropped = min(left, UInt64(rest.count))
                rest = rest.dropFirst(Int(dropped))
                part = left == dropped ? .head([]) : .message(left: left - dropped)
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
            !isControl || isLast && second & 0x7F <= UInt8(LeaseFrames.controlBytesMax)
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
        }
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
