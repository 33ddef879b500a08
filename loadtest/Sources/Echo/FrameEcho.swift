/// Turns a client's WebSocket frames (RFC 6455 §5.2) into the same frames of a server, piece by piece. It removes the
/// masks and turns pings into pongs; all else stays unchanged. It keeps at most one frame's header, and the first bytes
/// of a text.
///
/// A text that begins with `answer 100000 ` is a request of a load test. It is not echoed; `takeRequests` has the
/// number.
struct FrameEcho {
    enum Outcome { case open, closed, broken }

    private enum Step {
        case header, payload
        /// The first bytes of a text, which may be a request.
        case start([UInt8])
        /// The rest of a request.
        case request(answerBytes: Int)
    }

    private var step = Step.header
    /// The part of a header that has come so far, at most 14 bytes.
    private var header: [UInt8] = []
    private var payloadLeft: UInt64 = 0
    private var mask: UInt32 = 0
    private var opcode: UInt8 = 0

    private static let close: UInt8 = 8, ping: UInt8 = 9, pong: UInt8 = 10
    /// A text in one frame, without extensions.
    private static let wholeText: UInt8 = 0x81

    init() { header.reserveCapacity(14) }

    /// As many bytes of a text as a request has at most.
    private static let requestBytes = 16
    private static let answerBytesMax = 16 << 20
    private var requests: [Int] = []

    /// `echo` may write this many bytes more than its input has, because it kept a header and the first bytes of a
    /// text.
    static let growthMax = 14 + requestBytes

    /// The answers that were asked for since the last call, in bytes.
    mutating func takeRequests() -> [Int] {
        defer { requests = [] }
        return requests
    }

    /// Reads `input` and writes the answer to `output`, which has room for `input.count + growthMax` bytes.
    ///
    /// - Returns: how many bytes it wrote, and the connection's state: `closed` after a whole close frame was echoed.
    mutating func echo(
        _ input: UnsafeRawBufferPointer, to output: UnsafeMutableRawPointer
    ) -> (written: Int, outcome: Outcome) {
        var read = 0
        var written = 0
        while read < input.count || isAtEnd {
            switch step {
            case .header:
                header.append(input[read])
                read += 1
                guard header.count >= 2 else { continue }
                guard header[1] & 0x80 != 0 else { return (written, .broken) }
                guard header.count == headerLength else { continue }
                written += begin(output + written)
            case .start(var bytes):
                let count = min(FrameEcho.requestBytes - bytes.count, Int(payloadLeft), input.count - read)
                for byte in input[read..<read + count] {
                    bytes.append(byte ^ UInt8(truncatingIfNeeded: mask))
                    mask = mask >> 8 | mask << 24
                }
                read += count
                payloadLeft -= UInt64(count)
                step = .start(bytes)
                guard bytes.count == FrameEcho.requestBytes || payloadLeft == 0 else { continue }
                if let asked = FrameEcho.request(bytes) {
                    step = .request(answerBytes: asked)
                } else {
                    written += writeHeader(output + written)
                    for byte in bytes {
                        output.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
                        written += 1
                    }
                    step = .payload
                }
            case .request(let answerBytes):
                let count = Int(min(payloadLeft, UInt64(input.count - read)))
                read += count
                payloadLeft -= UInt64(count)
                guard payloadLeft == 0 else { continue }
                requests.append(answerBytes)
                header.removeAll(keepingCapacity: true)
                step = .header
            case .payload:
                let count = Int(min(payloadLeft, UInt64(input.count - read)))
                if opcode != FrameEcho.pong {
                    unmask(input.baseAddress! + read, to: output + written, count: count)
                    written += count
                }
                read += count
                payloadLeft -= UInt64(count)
                guard payloadLeft == 0 else { continue }
                header.removeAll(keepingCapacity: true)
                if opcode == FrameEcho.close { return (written, .closed) }
                step = .header
            }
        }
        return (written, .open)
    }

    /// Whether the step is at the end of its payload, so that it needs no further input.
    private var isAtEnd: Bool {
        if case .header = step { return false }
        return payloadLeft == 0
    }

    /// The number of a text like `answer 100000 `.
    private static func request(_ bytes: [UInt8]) -> Int? {
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard words.count >= 3, words[0] == "answer", let number = Int(words[1]), (0...answerBytesMax).contains(number)
        else { return nil }
        return number
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
        if header[0] == FrameEcho.wholeText {
            step = .start([])
            return 0
        }
        step = .payload
        return writeHeader(output)
    }

    private mutating func writeHeader(_ output: UnsafeMutableRawPointer) -> Int {
        let lengthEnd = header.count - 4
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
