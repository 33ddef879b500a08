import GatewayCore
import Testing

struct FrameCursorTests {
    static let head = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".utf8)

    static func frame(_ opcode: UInt8, _ size: Int) -> [UInt8] {
        let payload = [UInt8](repeating: 0x88, count: size)
        switch size {
        case ..<126: return [0x80 | opcode, UInt8(size)] + payload
        case ..<65_536: return [0x80 | opcode, 126, UInt8(size >> 8), UInt8(size & 255)] + payload
        default:
            return [0x80 | opcode, 127] + (0..<8).map { UInt8(truncatingIfNeeded: size >> (56 - 8 * $0)) } + payload
        }
    }

    static func cursor(_ bytes: [UInt8], step: Int = .max) -> FrameCursor {
        var cursor = FrameCursor()
        bytes.withUnsafeBytes { all in
            var at = 0
            while at < all.count {
                let end = step == .max ? all.count : min(at + step, all.count)
                cursor.pass(UnsafeRawBufferPointer(rebasing: all[at..<end]))
                at = end
            }
        }
        return cursor
    }

    @Test(arguments: [0, 1, 125, 126, 65_535, 65_536]) func knowsTheEndOfAFrameOfAnySize(size: Int) {
        let all = Self.head + Self.frame(2, size)
        #expect(Self.cursor(all).mayClose)
        #expect(Self.cursor(all, step: 1).mayClose)
        #expect(!Self.cursor(Array(all.dropLast())).mayClose)
    }

    @Test func speaksAtEveryBoundaryAndNowhereElse() {
        let parts = [Self.head, Self.frame(1, 5), Self.frame(0, 0), Self.frame(9, 3), Self.frame(2, 300)]
        let all = parts.flatMap { $0 }
        var boundaries: Set<Int> = []
        var at = 0
        for part in parts {
            at += part.count
            boundaries.insert(at)
        }
        for cut in 0...all.count {
            #expect(Self.cursor(Array(all[..<cut])).mayClose == boundaries.contains(cut), "cut at \(cut)")
            #expect(
                Self.cursor(Array(all[..<cut]), step: 1).mayClose == boundaries.contains(cut), "bytewise, cut at \(cut)"
            )
        }
    }

    @Test func neverSpeaksAfterTheSidecarsOwnClose() {
        #expect(!Self.cursor(Self.head + FrameCursor.close(code: 1000, reason: "bye")).mayClose)
        #expect(!Self.cursor(Self.head + FrameCursor.close(code: 1000, reason: "bye") + Self.frame(1, 1)).mayClose)
    }

    @Test func neverSpeaksIntoAnotherAnswer() {
        let error = Array("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".utf8)
        #expect(!Self.cursor(error).mayClose)
    }

    @Test func aMaskedFrameIsNoServers() {
        #expect(!Self.cursor(Self.head + [0x81, 0x81, 1, 2, 3, 4, 5]).mayClose)
    }

    @Test func mayAnswerWhileNothingWasPassed() {
        #expect(Self.cursor([]).mayAnswer)
        for bytes in [Self.head, Array("H".utf8), Array("x".utf8)] { #expect(!Self.cursor(bytes).mayAnswer) }
        #expect(!Self.cursor([]).mayClose)
    }

    @Test func cutsTheReasonAtACharacter() {
        let frame = FrameCursor.close(code: 1011, reason: String(repeating: "ä", count: 80))
        #expect(frame.count <= 127 && frame[1] == UInt8(frame.count - 2))
        #expect(String(validating: frame[4...], as: UTF8.self) != nil)
        #expect(frame[2] == 3 && frame[3] == 0xf3)
    }
}
