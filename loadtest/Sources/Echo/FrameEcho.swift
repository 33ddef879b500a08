/// Turns a client's WebSocket frames (RFC 6455 §5.2) into the same frames of a server, piece by piece. It removes the
/// masks and turns pings into pongs; all else stays unchanged. It keeps at most one frame's header.
struct FrameEcho {
    enum Outcome { case open, closed, broken }

    private enum Step { case header, payload }

    private var step = Step.header
    /// The part of a header that has come so far, at most 14 bytes.
    private var header: [UInt8] = []
    private var payloadLeft: UInt64 = 0
    private var mask: UInt32 = 0
    private var opcode: UInt8 = 0

    private static let close: UInt8 = 8, ping: UInt8 = 9, pong: UInt8 = 10

    init() { header.reserveCapacity(14) }

    /// `echo` may write this many bytes more than its input has, because it kept a header.
    static let growthMax = 14

    /// Reads `input` and writes the answer to `output`, which has room for `input.count + growthMax` bytes.
    ///
    /// - Returns: how many bytes it wrote, and the connection's state: `closed` after a whole close frame was echoed.
    mutating func echo(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawPointer
    ) -> (written: Int, outcome: Outcome) {
        var read = 0
        var written = 0
        while read < input.count || (step == .payload && payloadLeft == 0) {
            switch step {
            case .header:
                header.append(input[read])
                read += 1
                guard header.count >= 2 else { continue }
                guard header[1] & 0x80 != 0 else { return (written, .broken) }
                guard header.count == headerLength else { continue }
                written += begin(output + written)
            case .payload:
                let count = Int(min(payloadLeft, UInt64(input.count - read)))
                if opcode != FrameEcho.pong {
                    unmask(input.baseAddress! + read, to: output + written, count: count)
                    written += count
                }
                read += count
                payloadLeft -= UInt64(count)
                guard payloadLeft == 0 else { continue }
                if opcode == FrameEcho.close { return (written, .closed) }
                step = .header
            }
        }
        return (written, .open)
    }

    private var headerLength: Int {
        switch header[1] & 0x7F {
        case 126: 8
        case 127: 14
        default: 6
        }
    }

    /// Called with a whole header. Stores the length and the mask, and writes the server's header.
    private mutating func begin(_ output: UnsafeMutableRawPointer) -> Int {
        let lengthEnd = header.count - 4
        payloadLeft = UInt64(header[1] & 0x7F)
        if payloadLeft >= 126 { payloadLeft = header[2..<lengthEnd].reduce(0) { $0 << 8 | UInt64($1) } }
        mask = header[lengthEnd...].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        opcode = header[0] & 0x0F
        step = .payload
        defer { header.removeAll(keepingCapacity: true) }
        guard opcode != FrameEcho.pong else { return 0 }
        header[0] = opcode == FrameEcho.ping ? header[0] & 0xF0 | FrameEcho.pong : header[0]
        header[1] &= 0x7F
        for i in 0..<lengthEnd { output.storeBytes(of: header[i], toByteOffset: i, as: UInt8.self) }
        return lengthEnd
    }

    /// Copies and unmasks, eight bytes at a time. Rotates the mask, so that the next call continues in the frame.
    private mutating func unmask(_ from: UnsafeRawPointer, to: UnsafeMutableRawPointer, count: Int) {
        let wide = UInt64(mask) << 32 | UInt64(mask)
        var i = 0
        while i + 8 <= count {
            let word = from.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            to.storeBytes(of: word ^ UInt64(littleEndian: wide), toByteOffset: i, as: UInt64.self)
            i += 8
        }
        while i < count {
            let byte = from.load(fromByteOffset: i, as: UInt8.self)
            to.storeBytes(
                of: byte ^ UInt8(truncatingIfNeeded: mask >> (8 * UInt32(i & 3))), toByteOffset: i, as: UInt8.self)
            i += 1
        }
        let turned = UInt32(count & 3) * 8
        if turned != 0 { mask = mask >> turned | mask << (32 - turned) }
    }
}
