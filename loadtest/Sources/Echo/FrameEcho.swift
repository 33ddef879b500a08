/// Turns a client's WebSocket frames (RFC 6455 §5.2) into the same frames of a server, as the bytes come: masks taken
/// off, pings answered by pongs, everything else unchanged. It keeps at most one frame's header.
struct FrameEcho {
    enum Outcome { case open, closed, broken }

    private enum Step { case header, payload }

    private var step = Step.header
    /// A header that came in pieces, at most 14 bytes.
    private var header: [UInt8] = []
    private var payloadLeft: UInt64 = 0
    private var mask: UInt32 = 0
    private var opcode: UInt8 = 0

    private static let close: UInt8 = 8, ping: UInt8 = 9, pong: UInt8 = 10

    init() { header.reserveCapacity(14) }

    /// Bytes that `echo` may write beyond the input's length: a header kept from before.
    static let growthMax = 14

    /// Reads `input` and writes the answer to `output`, which holds `input.count + growthMax` bytes.
    ///
    /// - Returns: bytes written, and whether the connection goes on: `closed` after a close frame was echoed whole.
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

    /// The header is whole: notes length and mask, writes the server's header.
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

    /// Copies with the mask taken off, eight bytes at a time, and turns the mask to where the frame goes on.
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
