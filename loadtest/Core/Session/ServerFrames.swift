/// Reads a server's WebSocket frames (RFC 6455, section 5.2) piece by piece. It keeps no payload but that of pings.
struct ServerFrames: Sendable {
    enum Event: Hashable, Sendable {
        /// A whole text or binary message, however many frames it had.
        case message(bytes: Int)
        case ping([UInt8])
        case close
        /// The bytes are no frames of a server.
        case broken
    }

    private var header: [UInt8] = []
    private var payloadLeft = 0
    private var isInPayload = false
    private var messageBytes = 0
    private var control: [UInt8] = []

    private static let close: UInt8 = 8, ping: UInt8 = 9, pong: UInt8 = 10
    private static let controlBytesMax = 125

    private var opcode: UInt8 { header[0] & 0x0F }
    private var isControl: Bool { opcode >= ServerFrames.close }

    /// The events that these bytes complete. After `close` and `broken` nothing more may be read.
    mutating func read(_ bytes: UnsafeRawBufferPointer) -> [Event] {
        var events: [Event] = []
        var at = 0
        while at < bytes.count || (isInPayload && payloadLeft == 0) {
            if isInPayload {
                let count = min(payloadLeft, bytes.count - at)
                if isControl { control += bytes[at..<at + count] }
                at += count
                payloadLeft -= count
                guard payloadLeft == 0 else { break }
                if let event = end() { events.append(event) }
                if events.last == .close { return events }
            } else {
                header.append(bytes[at])
                at += 1
                guard header.count >= 2, header.count == headerLength else { continue }
                guard begin() else { return events + [.broken] }
            }
        }
        return events
    }

    private var headerLength: Int {
        switch header[1] & 0x7F {
        case 126: 4
        case 127: 10
        default: 2
        }
    }

    /// Reads a whole header. False if it is masked, or longer than any answer.
    private mutating func begin() -> Bool {
        guard header[1] & 0x80 == 0 else { return false }
        payloadLeft = Int(header[1] & 0x7F)
        if payloadLeft >= 126 {
            let length = header[2...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard length <= UInt64(UInt32.max) else { return false }
            payloadLeft = Int(length)
        }
        if isControl {
            guard payloadLeft <= ServerFrames.controlBytesMax else { return false }
        } else {
            messageBytes += payloadLeft
        }
        isInPayload = true
        return true
    }

    private mutating func end() -> Event? {
        defer {
            isInPayload = false
            header.removeAll(keepingCapacity: true)
            control.removeAll()
        }
        switch opcode {
        case ServerFrames.close: return .close
        case ServerFrames.ping: return .ping(control)
        case ServerFrames.pong: return nil
        default:
            guard header[0] & 0x80 != 0 else { return nil }
            defer { messageBytes = 0 }
            return .message(bytes: messageBytes)
        }
    }
}
