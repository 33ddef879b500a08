import Testing

@testable import WorkerCore

/// A frame as a client or a sidecar sends it.
func wireFrame(_ first: UInt8, _ payload: [UInt8], from side: LoggedSide, sizeBytes: Int? = nil) -> [UInt8] {
    let mask: [UInt8] = side == .client ? [0xA1, 0x02, 0x53, 0xFF] : []
    let masked: UInt8 = side == .client ? 0x80 : 0
    var out = [first]
    switch sizeBytes ?? (payload.count < 126 ? 0 : payload.count < 65_536 ? 2 : 8) {
    case 0: out.append(masked | UInt8(payload.count))
    case 2: out += [masked | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default: out += [masked | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
    }
    return out + mask + payload.enumerated().map { mask.isEmpty ? $0.element : $0.element ^ mask[$0.offset % 4] }
}

extension FrameReader {
    mutating func read(_ bytes: some Collection<UInt8>) -> [LoggedMessage] {
        Array(bytes).withUnsafeBytes { read($0) }
    }
}

@Suite struct FrameReaderTests {
    private let answer = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".utf8)

    private func reader(_ side: LoggedSide) -> FrameReader {
        var reader = FrameReader(side)
        if side == .sidecar { #expect(reader.read(answer) == []) }
        return reader
    }

    private func text(_ text: String) -> LoggedMessage {
        LoggedMessage(.text(Array(text.utf8)), bytes: UInt64(text.utf8.count))
    }

    @Test(arguments: LoggedSide.allCases) func eachMessageIsReadWhereverItsBytesAreSplit(side: LoggedSide) {
        func frame(_ first: UInt8, _ text: String, sizeBytes: Int? = nil) -> [UInt8] {
            wireFrame(first, Array(text.utf8), from: side, sizeBytes: sizeBytes)
        }
        let long = String(repeating: "äb", count: 70)
        let bytes =
            (side == .sidecar ? answer : []) + frame(0x81, "one") + frame(0x81, "") + frame(0x81, long)
            + frame(0x01, "in ") + frame(0x89, "ping") + frame(0x00, "three ", sizeBytes: 2) + frame(0x8A, "")
            + frame(0x80, "parts", sizeBytes: 8) + frame(0x82, "\u{1}\u{2}") + frame(0xC1, "packed")
            + frame(0x81, "last") + wireFrame(0x88, [0x03, 0xE9] + Array("bye".utf8), from: side) + frame(0x81, "late")
        let expected = [
            text("one"), text(""), text(long), text("in three parts"), LoggedMessage(.binary, bytes: 2),
            LoggedMessage(.compressed, bytes: 6), text("last"), LoggedMessage(.close(status: 1_001), bytes: 5),
        ]
        for split in 0...bytes.count {
            var reader = FrameReader(side)
            let messages = reader.read(bytes[..<split]) + reader.read(bytes[split...])
            #expect(messages == expected, "split at \(split)")
        }
        var reader = FrameReader(side)
        #expect(bytes.flatMap { reader.read([$0]) } == expected)
    }

    @Test(arguments: LoggedSide.allCases) func aLongMessageKeepsItsFirstBytesAndItsLength(side: LoggedSide) {
        let payload = (0..<100_000).map { UInt8($0 % 251) }
        let bytes =
            wireFrame(0x01, Array(payload[..<9_999]), from: side)
            + wireFrame(0x80, Array(payload[9_999...]), from: side)
        for step in [1_000, 16_383, 65_536, bytes.count] {
            var reader = reader(side)
            var messages: [LoggedMessage] = []
            for start in stride(from: 0, to: bytes.count, by: step) {
                messages += reader.read(bytes[start..<min(start + step, bytes.count)])
            }
            #expect(
                messages == [LoggedMessage(.text(Array(payload[..<FrameReader.textBytesMax])), bytes: 100_000)],
                "\(step) bytes at a time")
        }
    }

    @Test func aCompressedMessageInPartsIsOne() {
        var reader = reader(.sidecar)
        let bytes = wireFrame(0x41, [1, 2, 3], from: .sidecar) + wireFrame(0x80, [4], from: .sidecar)
        #expect(reader.read(bytes) == [LoggedMessage(.compressed, bytes: 4)])
        #expect(reader.read(wireFrame(0x81, [0x61], from: .sidecar)) == [text("a")])
    }

    @Test func aCloseMayHaveNoStatus() {
        var reader = reader(.client)
        #expect(reader.read(wireFrame(0x88, [], from: .client)) == [LoggedMessage(.close(status: nil), bytes: 0)])
    }

    @Test func withoutTextsMessagesAreStillCounted() {
        var reader = reader(.client)
        reader.keepsText = false
        let bytes = wireFrame(0x81, Array("secret".utf8), from: .client)
        #expect(reader.read(bytes) == [LoggedMessage(.text([]), bytes: 6)])
    }

    @Test(
        arguments: [
            (.client, [0x81, 0x01, 0x61]),  // not masked
            (.sidecar, [0x81, 0x81, 1, 2, 3, 4, 0x61]),  // masked
            (.client, [0xA1, 0x80, 1, 2, 3, 4]),  // a reserved bit
            (.client, [0x83, 0x80, 1, 2, 3, 4]),  // an unknown kind of message
            (.client, [0x8B, 0x80, 1, 2, 3, 4]),  // an unknown kind of control frame
            (.sidecar, [0x09, 0x00]),  // a control frame in parts
            (.sidecar, [0x89, 126, 0, 126]),  // a control frame longer than 125 bytes
            (.sidecar, [0xC9, 0x00]),  // a compressed control frame
            (.sidecar, [0x80, 0x00]),  // the rest of no message
            (.sidecar, [0x01, 0x00, 0x81, 0x00]),  // a message within another
            (.sidecar, [0x01, 0x00, 0xC0, 0x00]),  // compressed from its second frame on
            (.sidecar, [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]),  // longer than 2^63 - 1
        ] as [(LoggedSide, [UInt8])])
    func aBrokenFrameIsToldOnceAndNoMoreIsRead(side: LoggedSide, bytes: [UInt8]) {
        var reader = reader(side)
        #expect(reader.read(bytes) == [LoggedMessage(.unreadable, bytes: 0)])
        #expect(reader.read(wireFrame(0x81, [0x61], from: side)) == [])
    }

    @Test func anAnswerThatIsNoHandshakeIsUnreadable() {
        var reader = FrameReader(.sidecar)
        #expect(reader.read(Array("HTTP/1.1 404 Not Found\r\n\r\n".utf8)) == [LoggedMessage(.unreadable, bytes: 0)])
    }

    /// Frames of one message may add up to more than a counter holds.
    @Test func aMessageWithoutEndCannotOverflow() {
        var reader = reader(.sidecar)
        // The payload of such a frame never ends in a test; an empty one before and after is enough to read its size.
        let huge: [UInt8] = [0x02, 127, 0x7F] + Array(repeating: 0xFF, count: 7)
        #expect(reader.read(huge) == [])
        #expect(reader.read(Array(repeating: 0, count: 100_000)) == [])
    }
}
