/// Reads the messages that one side of a session's socket sends (RFC 6455 section 5.2). The caller passes copies of the
/// bytes; the reader changes none.
///
/// Memory is bounded: a frame's header, and the first bytes of one message. Pings and pongs are skipped.
public struct FrameReader: Sendable {
    /// Most bytes of a message that are kept.
    public static let textBytesMax = 16_384
    /// Longest payload of a control frame, in bytes.
    static let controlBytesMax = 125

    private enum State: Hashable, Sendable {
        /// In the head of the sidecar's answer; so many bytes of its blank line have matched.
        /// Can transition to: header, over.
        case answer(matched: Int)
        /// In the header of a frame. Can transition to: payload, header, over.
        case header
        /// In the payload of a frame; so many bytes are left. Can transition to: header, over.
        case payload(left: UInt64)
        /// After a Close, or after bytes that cannot be read. Can transition to: nothing.
        case over
    }

    private struct Frame: Hashable, Sendable {
        var opcode: UInt8 = 0
        var isLast = true
        var size: UInt64 = 0
        /// Four bytes, the last one in the lowest place; 0 for none.
        var mask: UInt32 = 0

        var isControl: Bool { opcode >= 8 }
    }

    /// The message whose frames arrive.
    private struct Message: Hashable, Sendable {
        let isText: Bool
        let isCompressed: Bool
        var bytes: UInt64 = 0
    }

    /// False while the caller only counts messages: then no text is kept.
    public var keepsText = true
    /// Clients mask their frames, sidecars do not.
    private let isMasked: Bool
    private var state: State
    /// How many bytes of `HTTP/1.1 101` have matched.
    private var statusRead = 0
    private var header: [UInt8] = []
    private var frame = Frame()
    private var message: Message?
    /// The first bytes of `message`, without the mask.
    private var text: [UInt8] = []
    /// The status of a Close.
    private var status: [UInt8] = []

    public init(_ side: LoggedSide) {
        isMasked = side == .client
        // A client sends nothing between its head and the answer. The caller does not pass the head.
        state = side == .client ? .header : .answer(matched: 0)
        header.reserveCapacity(14)
    }

    /// Takes the next bytes of the side.
    /// - Returns: the messages that end in these bytes, in their order.
    public mutating func read(_ bytes: UnsafeRawBufferPointer) -> [LoggedMessage] {
        var messages: [LoggedMessage] = []
        var at = 0
        while at < bytes.count {
            switch state {
            case .over:
                return messages
            case .answer(let matched):
                readAnswer(bytes[at], matched, &messages)
                at += 1
            case .header:
                header.append(bytes[at])
                at += 1
                readHeader(&messages)
            case .payload(let left):
                let count = Int(min(left, UInt64(bytes.count - at)))
                keep(UnsafeRawBufferPointer(rebasing: bytes[at..<at + count]), offset: frame.size - left)
                at += count
                state = .payload(left: left - UInt64(count))
                if left == UInt64(count) { endFrame(&messages) }
            }
        }
        return messages
    }

    // MARK: The sidecar's answer

    private static let switching = Array("HTTP/1.1 101".utf8)
    private static let blankLine = Array("\r\n\r\n".utf8)

    private mutating func readAnswer(_ byte: UInt8, _ matched: Int, _ messages: inout [LoggedMessage]) {
        if statusRead < FrameReader.switching.count {
            guard byte == FrameReader.switching[statusRead] else { return giveUp(&messages) }
            statusRead += 1
            return
        }
        let blankLine = FrameReader.blankLine
        let next = byte == blankLine[matched] ? matched + 1 : byte == blankLine[0] ? 1 : 0
        state = next == blankLine.count ? .header : .answer(matched: next)
    }

    // MARK: Frames

    private mutating func readHeader(_ messages: inout [LoggedMessage]) {
        guard header.count >= 2 else { return }
        let (first, second) = (header[0], header[1])
        let sizeBytes = second & 0x7F == 127 ? 8 : second & 0x7F == 126 ? 2 : 0
        guard header.count == 2 + sizeBytes + (second & 0x80 == 0 ? 0 : 4) else { return }
        let size =
            sizeBytes == 0 ? UInt64(second & 0x7F) : header[2..<2 + sizeBytes].reduce(0) { $0 << 8 | UInt64($1) }
        let mask = header[(2 + sizeBytes)...].reduce(0) { $0 << 8 | UInt32($1) }
        frame = Frame(opcode: first & 0x0F, isLast: first & 0x80 != 0, size: size, mask: mask)
        header.removeAll(keepingCapacity: true)
        guard first & 0x30 == 0, (second & 0x80 != 0) == isMasked, size <= UInt64(Int64.max),
            begin(isCompressed: first & 0x40 != 0)
        else { return giveUp(&messages) }
        state = .payload(left: size)
        if size == 0 { endFrame(&messages) }
    }

    /// - Returns: false if no such frame may come now.
    private mutating func begin(isCompressed: Bool) -> Bool {
        switch frame.opcode {
        case 0:
            return message != nil && !isCompressed
        case 1, 2:
            guard message == nil else { return false }
            message = Message(isText: frame.opcode == 1, isCompressed: isCompressed)
            return true
        case 8, 9, 10:
            return frame.isLast && !isCompressed && frame.size <= UInt64(FrameReader.controlBytesMax)
        default:
            return false
        }
    }

    /// - Parameter offset: of the bytes within the frame's payload.
    private mutating func keep(_ bytes: UnsafeRawBufferPointer, offset: UInt64) {
        let mask = frame.mask
        if frame.isControl {
            if frame.opcode == 8 { FrameReader.append(bytes.prefix(2 - status.count), to: &status, mask, offset) }
            return
        }
        guard let message, message.isText, !message.isCompressed, keepsText else { return }
        FrameReader.append(bytes.prefix(FrameReader.textBytesMax - text.count), to: &text, mask, offset)
    }

    private static func append(
        _ bytes: Slice<UnsafeRawBufferPointer>, to kept: inout [UInt8], _ mask: UInt32, _ offset: UInt64
    ) {
        let start = kept.count
        kept.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes))
        guard mask != 0 else { return }
        // The mask as it meets the first byte.
        let turns = UInt32(offset % 4) * 8
        let turned = (mask << turns | mask >> ((32 - turns) % 32)).bigEndian
        let four = withUnsafeBytes(of: turned) { Array($0) }
        let sixteen = SIMD16<UInt8>((0..<16).map { four[$0 & 3] })
        kept.withUnsafeMutableBytes { all in
            var at = start
            while at + 16 <= all.count {
                let part = all.loadUnaligned(fromByteOffset: at, as: SIMD16<UInt8>.self) ^ sixteen
                all.storeBytes(of: part, toByteOffset: at, as: SIMD16<UInt8>.self)
                at += 16
            }
            for index in at..<all.count { all[index] ^= four[(index - start) & 3] }
        }
    }

    private mutating func endFrame(_ messages: inout [LoggedMessage]) {
        state = .header
        if frame.isControl {
            guard frame.opcode == 8 else { return }
            state = .over
            let code = status.count == 2 ? UInt16(status[0]) << 8 | UInt16(status[1]) : nil
            return messages.append(LoggedMessage(.close(status: code), bytes: frame.size))
        }
        let (sum, isTooLong) = (message?.bytes ?? 0).addingReportingOverflow(frame.size)
        guard !isTooLong, let message else { return giveUp(&messages) }
        guard frame.isLast else {
            self.message?.bytes = sum
            return
        }
        let kind: LoggedMessage.Kind = message.isCompressed ? .compressed : message.isText ? .text(text) : .binary
        messages.append(LoggedMessage(kind, bytes: sum))
        self.message = nil
        text = []
    }

    private mutating func giveUp(_ messages: inout [LoggedMessage]) {
        state = .over
        text = []
        messages.append(LoggedMessage(.unreadable, bytes: 0))
    }
}
