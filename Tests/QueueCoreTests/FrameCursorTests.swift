import QueueCore
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
        var cursor = FrameCursor(of: .sidecar)
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

    /// A client's frame: a mask of 4 bytes, then the payload.
    private static func masked(_ opcode: UInt8, _ size: Int) -> [UInt8] {
        var frame = Self.frame(opcode, size)
        frame[1] |= 0x80
        frame.insert(contentsOf: [1, 2, 3, 4], at: frame.count - size)
        return frame
    }

    private static func client(_ frames: [UInt8]...) -> FrameCursor {
        var cursor = FrameCursor(of: .client)
        for bytes in frames { bytes.withUnsafeBytes { cursor.pass($0) } }
        return cursor
    }

    @Test(arguments: [0, 1, 125, 126, 65_535, 65_536]) func readsMaskedFramesOfAnySize(size: Int) {
        let cursor = Self.client(Self.masked(2, size), Self.masked(8, 2))
        #expect(cursor.hasClosed)
        #expect(!Self.client(Array(Self.masked(2, size).dropLast()), [0x88]).hasClosed)
    }

    @Test func aMaskFromTheWrongSideIsNoWebSocket() {
        #expect(!Self.client(Self.frame(1, 5), Self.masked(8, 2)).hasClosed)
        #expect(!Self.cursor(Self.head + Self.masked(1, 5)).mayClose)
    }

    @Test func aLengthWithItsHighestBitSetIsNoWebSocket() {
        #expect(!Self.client([0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 8)).mayClose)
    }

    @Test func countsReadsWithMessagesAndNoneOfControlFramesAlone() {
        #expect(Self.client(Self.masked(9, 3), Self.masked(10, 0)).messageReads == 0)
        #expect(Self.client(Self.masked(9, 3) + Self.masked(1, 0), Self.masked(0, 4)).messageReads == 2)
        let half = Self.masked(2, 200)
        #expect(Self.client(Array(half[..<50]), Array(half[50...])).messageReads == 2)
        #expect(Self.cursor(Self.head).messageReads == 0)
        #expect(Self.cursor(Self.head + Self.frame(9, 3)).messageReads == 0)
        #expect(Self.cursor(Self.head + Self.frame(1, 3)).messageReads == 1)
    }
}
