/// A client's WebSocket frames (RFC 6455, section 5.3). The mask is zero, so that payloads need no work: a load test
/// has no secret to hide from proxies.
enum ClientFrames {
    /// Normal closure, 1000.
    static let close = frame(opcode: 8, payload: [0x03, 0xE8])

    static func pong(_ payload: [UInt8]) -> [UInt8] { frame(opcode: 10, payload: payload) }

    /// A text message of `up` bytes. If the answer is to be longer, the message asks an echo of Berth's for it
    /// (`loadtest echo`); any other server answers the message itself.
    static func message(_ exchange: FrameMix.Exchange) -> [UInt8] {
        var payload = exchange.down > exchange.up ? Array("answer \(exchange.down) ".utf8) : []
        payload += [UInt8](repeating: UInt8(ascii: "."), count: max(0, exchange.up - payload.count))
        return frame(opcode: 1, payload: payload)
    }

    private static func frame(opcode: UInt8, payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0x80 | opcode]
        bytes.reserveCapacity(payload.count + 14)
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65_536: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(0x80 | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        bytes += [0, 0, 0, 0]
        return bytes + payload
    }
}
