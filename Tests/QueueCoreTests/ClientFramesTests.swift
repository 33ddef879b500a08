import Testing

@testable import QueueCore

@Suite struct ClientFramesTests {
    /// A masked frame.
    private func frame(_ first: UInt8, _ payload: [UInt8], sizeBytes: Int? = nil) -> [UInt8] {
        let mask: [UInt8] = [1, 2, 3, 4]
        var out = [first]
        switch sizeBytes ?? (payload.count < 126 ? 0 : 2) {
        case 0: out.append(0x80 | UInt8(payload.count))
        case 2: out += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default: out += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        return out + mask + payload.enumerated().map { $0.element ^ mask[$0.offset % 4] }
    }

    private let ping = Array("are you there".utf8)

    @Test func pingsAndTheEndAreFoundBetweenMessagesHoweverTheBytesArrive() {
        let bytes =
            frame(0x81, Array("text".utf8)) + frame(0x89, ping) + frame(0x02, Array(repeating: 9, count: 300))
            + frame(0x89, []) + frame(0x80, Array(repeating: 7, count: 4_464), sizeBytes: 8)
            + frame(0x8A, [1]) + frame(0x82, []) + frame(0x88, [0x03, 0xE8] + Array("bye".utf8)) + frame(0x89, ping)
        let expected: [ClientFrames.Event] = [.ping(ping), .ping([]), .close(status: [0x03, 0xE8])]
        for step in [1, 2, 3, 7, 64, bytes.count] {
            var frames = ClientFrames()
            var events: [ClientFrames.Event] = []
            for start in stride(from: 0, to: bytes.count, by: step) {
                events += frames.read(bytes[start..<min(start + step, bytes.count)])
            }
            #expect(events == expected, "\(step) bytes at a time")
            #expect(frames.isOver)
        }
    }

    @Test func aCloseMayHaveNoStatus() {
        var frames = ClientFrames()
        #expect(frames.read(frame(0x88, [])) == [.close(status: [])])
    }

    @Test(
        arguments: [
            [0x81, 0x01, 0x61],  // not masked
            [0xC1, 0x80],  // an extension's bit
            [0x83, 0x80],  // an unknown kind of message
            [0x8B, 0x80],  // an unknown kind of control frame
            [0x09, 0x80],  // a control frame in parts
            [0x89, 0xFE],  // a control frame longer than 125 bytes
            [0x88, 0x81, 0, 0, 0, 0, 3],  // half a status
            [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],  // longer than 2^63 - 1
        ] as [[UInt8]])
    func aBrokenFrameEndsIt(bytes: [UInt8]) {
        var frames = ClientFrames()
        #expect(frames.read(bytes) == [.violation])
        #expect(frames.isOver && frames.read(frame(0x89, ping)) == [])
    }

    /// A message of 2^62 bytes is read without keeping it.
    @Test func aHugeMessageIsDropped() {
        var frames = ClientFrames()
        #expect(frames.read([0x82, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4] as [UInt8]) == [])
        #expect(frames.read(Array(repeating: 0, count: 100_000)) == [] && !frames.isOver)
    }

    // MARK: Messages that are kept

    @Test func messagesAreHandedOverAsTheyCameAndControlFramesAreNot() {
        let (text, binary) = (frame(0x01, Array("te".utf8)), frame(0x80, Array("xt".utf8)))
        let bytes = text + frame(0x89, ping) + binary + frame(0x8A, [1]) + frame(0x82, [])
        for step in [1, 3, bytes.count] {
            var frames = ClientFrames(keptBytesMax: 1_000)
            var events: [ClientFrames.Event] = []
            for start in stride(from: 0, to: bytes.count, by: step) {
                events += frames.read(bytes[start..<min(start + step, bytes.count)])
            }
            #expect(events == [.ping(ping)])
            #expect(frames.handOver() == text + binary + frame(0x82, []), "\(step) bytes at a time")
        }
    }

    /// The gateway does not read the rest of the frame. It goes to the sidecar, so the sidecar needs the beginning too.
    @Test func aFrameThatHasBegunIsHandedOverWithItsBeginning() {
        let whole = frame(0x82, Array(repeating: 5, count: 20))
        for bytes in [whole, frame(0x89, ping), frame(0x88, [0x03, 0xE8])] {
            for length in 0..<bytes.count {
                var frames = ClientFrames(keptBytesMax: 1_000)
                #expect(frames.read(whole + bytes[..<length]) == [])
                #expect(frames.handOver() == whole + bytes[..<length], "\(length) of \(bytes.count)")
            }
        }
    }

    @Test func moreThanMayBeKeptEndsIt() {
        let bytes = frame(0x82, Array(repeating: 5, count: 100))
        var exact = ClientFrames(keptBytesMax: bytes.count)
        #expect(exact.read(bytes) == [] && exact.handOver() == bytes)
        var short = ClientFrames(keptBytesMax: bytes.count - 1)
        #expect(short.read(bytes) == [.overflow] && short.isOver && short.handOver() == [])
        // A control frame is not kept.
        var control = ClientFrames(keptBytesMax: 1)
        #expect(control.read(frame(0x8A, ping)) == [])
    }

    @Test func answersAreNotMasked() {
        #expect(ClientFrames.pong([1, 2]) == [0x8A, 2, 1, 2])
        #expect(ClientFrames.close(status: [0x03, 0xE8]) == [0x88, 2, 0x03, 0xE8])
        #expect(ClientFrames.close(status: []) == [0x88, 0])
    }
}
