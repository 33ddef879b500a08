import QueueCore
import Testing

@testable import WorkerCore

/// The lines of a protocol log, as its readers parse them.
@Suite struct ProtocolTranscriptTests {
    private let facts = ProtocolTranscript.Facts(
        lease: LeaseID(waiter: WaiterID(high: 0, low: 7), attempt: 2), attach: 1, run: #"build"7"#,
        pool: "AppA:Chromium",
        worker: ProcessID(node: "n", generation: 1)!, slot: 3)
    private let answer = Array("HTTP/1.1 101 Ok\r\n\r\n".utf8)

    /// Lines without their newline.
    private final class Lines {
        var all: [String] = []
        var bytes = 0
        var hasRoom = true

        func write(_ line: [UInt8]) -> Bool {
            guard hasRoom else { return false }
            bytes += line.count
            if all.count < 2_000 { all.append(String(decoding: line.dropLast(), as: UTF8.self)) }
            return true
        }
    }

    private func pass(
        _ payload: String, _ first: UInt8 = 0x81, from side: LoggedSide, at milliseconds: UInt64 = 0,
        _ transcript: inout ProtocolTranscript, _ lines: Lines
    ) {
        pass(wireFrame(first, Array(payload.utf8), from: side), from: side, at: milliseconds, &transcript, lines)
    }

    private func pass(
        _ bytes: [UInt8], from side: LoggedSide, at milliseconds: UInt64 = 0, _ transcript: inout ProtocolTranscript,
        _ lines: Lines
    ) {
        bytes.withUnsafeBytes {
            transcript.read($0, of: side, milliseconds: milliseconds) { lines.write($0) }
        }
    }

    @Test func aLineForTheSessionEachMessageAndTheEnd() {
        var transcript = ProtocolTranscript(facts)
        let lines = Lines()
        let lease = facts.lease
        #expect(facts.fileName == "\(lease)-1.jsonl")
        #expect(
            String(decoding: transcript.firstLine(start: "2026-01-02T03:04:05.678Z"), as: UTF8.self)
                == #"{"kind":"start","start":"2026-01-02T03:04:05.678Z","session":"\#(lease)","attach":1,"#
                + #""run":"build\"7","pool":"AppA:Chromium","worker":"n.0000000000000001","slot":3}"# + "\n")
        pass(answer, from: .sidecar, &transcript, lines)
        pass(#"{"id":1}"#, from: .client, at: 5, &transcript, lines)
        pass("a\u{1}\n\r\t\\\u{7F}\u{85}\u{A0}é", from: .sidecar, at: 1_050, &transcript, lines)
        pass("xyz", 0x82, from: .sidecar, at: 61_500, &transcript, lines)
        pass("zip", 0xC1, from: .client, at: 61_501, &transcript, lines)
        pass("\u{3}\u{9}", 0x88, from: .client, at: 61_501, &transcript, lines)
        pass("", 0x88, from: .sidecar, at: 61_502, &transcript, lines)
        #expect(
            lines.all == [
                #"{"t":0.005,"from":"client","kind":"text","bytes":8,"text":"{\"id\":1}"}"#,
                #"{"t":1.050,"from":"sidecar","kind":"text","bytes":13,"#
                    + #""text":"a\u0001\n\r\t\\\u007f\u0085"# + "\u{A0}é\"}",
                #"{"t":61.500,"from":"sidecar","kind":"binary","bytes":3}"#,
                #"{"t":61.501,"from":"client","kind":"compressed","bytes":3}"#,
                #"{"t":61.501,"from":"client","kind":"close","bytes":2,"status":777}"#,
                #"{"t":61.502,"from":"sidecar","kind":"close","bytes":0}"#,
            ])
        #expect(
            String(decoding: transcript.lastLine(milliseconds: 61_600), as: UTF8.self)
                == #"{"t":61.600,"kind":"end","client":{"messages":3,"bytes":13},"#
                + #""sidecar":{"messages":3,"bytes":16},"dropped":{"sampled":0,"full":0,"disk":0}}"# + "\n")
    }

    /// A text that is cut within a character loses the part, and no more.
    @Test(arguments: ["é", "€", "😀"]) func aLongTextIsCutBetweenCharacters(character: String) {
        for start in 0..<4 {
            var transcript = ProtocolTranscript(facts)
            let lines = Lines()
            let text = String(repeating: "x", count: start) + String(repeating: character, count: 20_000)
            pass(text, from: .client, &transcript, lines)
            let kept = (FrameReader.textBytesMax - start) / character.utf8.count
            let expected = String(repeating: "x", count: start) + String(repeating: character, count: kept)
            #expect(
                lines.all == [
                    #"{"t":0.000,"from":"client","kind":"text","bytes":\#(text.utf8.count),"truncated":true,"text":"#
                        + "\"\(expected)\"}"
                ])
        }
    }

    @Test func bytesThatAreNoTextAreReplaced() {
        var transcript = ProtocolTranscript(facts)
        let lines = Lines()
        pass(wireFrame(0x81, [0x61, 0xFF, 0xC2, 0x62, 0xC2], from: .client), from: .client, &transcript, lines)
        #expect(
            lines.all == [
                #"{"t":0.000,"from":"client","kind":"text","bytes":5,"text":"a\#u{FFFD}\#u{FFFD}b\#u{FFFD}"}"#
            ])
    }

    @Test func aDroppedLineIsCountedInTheNextOne() {
        var transcript = ProtocolTranscript(facts)
        let lines = Lines()
        pass("a", from: .client, &transcript, lines)
        lines.hasRoom = false
        for _ in 0..<3 { pass("b", from: .client, &transcript, lines) }
        lines.hasRoom = true
        for text in ["c", "d"] { pass(text, from: .client, &transcript, lines) }
        #expect(
            lines.all == [
                #"{"t":0.000,"from":"client","kind":"text","bytes":1,"text":"a"}"#,
                #"{"t":0.000,"from":"client","kind":"text","bytes":1,"dropped":3,"text":"c"}"#,
                #"{"t":0.000,"from":"client","kind":"text","bytes":1,"text":"d"}"#,
            ])
        #expect(transcript.messages == 6 && transcript.budget.dropped.disk == 3)
    }

    @Test func afterAFailureMessagesAreCountedOnly() {
        var transcript = ProtocolTranscript(facts)
        let lines = Lines()
        for _ in 0..<4 { pass("a", from: .client, &transcript, lines) }
        transcript.failed(messages: 3)
        for _ in 0..<5 { pass("b", from: .client, &transcript, lines) }
        #expect(lines.all.count == 4 && transcript.messages == 9 && transcript.budget.dropped.disk == 8)
    }

    /// A flood of both sides: whole at first, then one in 100 of each side, then nothing.
    @Test func aFloodIsSampledThenEnds() {
        var transcript = ProtocolTranscript(facts)
        let lines = Lines()
        pass(answer, from: .sidecar, &transcript, lines)
        let text = Array(String(repeating: "y", count: FrameReader.textBytesMax).utf8)
        let frames = LoggedSide.allCases.map { (side: $0, bytes: wireFrame(0x81, text, from: $0)) }
        // 16 MiB less these bytes leave room for ten turns.
        let fills = transcript.budget.take(lineBytes: ProtocolLogBudget.wholeBytesMax - 20 * text.count)
        #expect(fills)
        for _ in 0..<1_010 { for frame in frames { pass(frame.bytes, from: frame.side, &transcript, lines) } }
        let fromClient = lines.all.filter { $0.contains("client") }.count
        #expect(fromClient == 20 && lines.all.count == 40)
        #expect(lines.all[38].contains(#""client","kind":"text","bytes":16384,"dropped":198,"#))
        #expect(lines.all[39].contains(#""sidecar","kind":"text","bytes":16384,"text""#))
        #expect(transcript.budget.dropped.sampled == 1_980)
        // The file has no room for another sample.
        let samples = ProtocolLogBudget.fileBytesMax - ProtocolLogBudget.wholeBytesMax
        let fillsAgain = transcript.budget.take(lineBytes: samples - (40 - 19) * 16_450)
        #expect(fillsAgain)
        for _ in 0..<100 { pass(frames[0].bytes, from: .client, &transcript, lines) }
        #expect(transcript.budget.isFull && lines.all.count == 40)
        #expect(transcript.messages == 2_120 && transcript.budget.dropped.all == 2_080)
    }
}

@Suite struct ProtocolLogBudgetTests {
    /// Lines of 16 KiB, from two sides in turns, until long after the file is full.
    @Test func theFileNeverGrowsBeyondItsBound() {
        var budget = ProtocolLogBudget()
        var written = (lines: 0, bytes: 0)
        var linesWhole = 0
        for turn in 0..<400_000 {
            guard budget.admits(turn % 2 == 0 ? .client : .sidecar), budget.take(lineBytes: 16_440) else { continue }
            written = (written.lines + 1, written.bytes + 16_440)
            if budget.dropped.all == 0 { linesWhole += 1 }
        }
        let room = ProtocolLogBudget.fileBytesMax - ProtocolLogBudget.edgeBytesMax
        #expect(written.lines == room / 16_440 && written.bytes <= room && budget.isFull)
        // The first samples of both sides follow the last whole line.
        #expect(linesWhole == (ProtocolLogBudget.wholeBytesMax + 16_439) / 16_440 + 2)
        #expect(UInt64(written.lines) + budget.dropped.all == 400_000)
        #expect(budget.dropped.full > 0 && budget.dropped.sampled > 0 && budget.dropped.disk == 0)
    }

    @Test func theLastLineFits() {
        var transcript = ProtocolTranscript(
            .init(
                lease: LeaseID(waiter: WaiterID(high: .max, low: .max), attempt: .max), attach: .max, run: "", pool: "",
                worker: ProcessID(node: "n", generation: 1)!, slot: 0))
        transcript.failed(messages: .max)
        #expect(transcript.lastLine(milliseconds: .max).count <= ProtocolLogBudget.edgeBytesMax / 2)
    }
}
