import Glibc
import Testing

@testable import EventLoop

@Suite struct EventLogTests {
    @Test func writesOneObjectALine() {
        var lines: [String] = []
        let log = EventLog(minimum: .info) { lines.append(String(decoding: $0, as: UTF8.self)) }
        log.common = [("worker", .text("w1"))]
        log.log(.debug, "x", "not written")
        log.log(
            .warning, "end", "A \"quoted\"\\\n\u{1}word\u{2028}",
            ["n": .number(-5), "s": .decimal(0.25), "f": .flag(true), "none": nil, "nan": .decimal(.nan)])
        #expect(lines.count == 1)
        let line = lines[0]
        #expect(line.hasPrefix("{\"ts\":\"20"))
        #expect(line.contains("Z\",\"level\":\"warning\",\"event\":\"end\","))
        #expect(line.contains("\"msg\":\"A \\\"quoted\\\"\\\\\\u000a\\u0001word\\u2028\",\"worker\":\"w1\""))
        #expect(line.hasSuffix(",\"n\":-5,\"s\":0.25,\"f\":true,\"nan\":null}\n"))
    }

    @Test func cutsLongTexts() {
        var bytes = 0
        let log = EventLog { bytes = $0.count }
        log.log(.info, "x", String(repeating: "\u{20AC}", count: 10_000))
        #expect((EventLog.textMax..<EventLog.textMax + 100).contains(bytes))
    }

    /// A reader that stands still (a paused pager, a stalled log shipper) must not stop the loop.
    @Test(.timeLimit(.minutes(1))) func aReaderThatStandsStillCostsLinesOnly() {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let line = Array((String(repeating: "x", count: 999) + "\n").utf8)
        for _ in 0..<1_000 { _ = EventLog.write(line, to: ends[1]) }
        var read: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        let first = Glibc.read(ends[0], &chunk, chunk.count)
        read += chunk[..<max(first, 0)]
        let again = EventLog.write(Array("again\n".utf8), to: ends[1])
        #expect(again == .whole)
        close(ends[1])
        while case let count = Glibc.read(ends[0], &chunk, chunk.count), count > 0 { read += chunk[..<count] }
        close(ends[0])
        let lines = String(decoding: read, as: UTF8.self).split(separator: "\n")
        #expect(lines.count > 10 && lines.last == "again")
        #expect(lines.dropLast().allSatisfy { $0.utf8.count == 999 }, "whole lines are lost, not parts")
    }

    @Test func countsLostLinesAndSaysSoOnceThereIsRoom() throws {
        let pipe = SlowPipe()
        let log = EventLog(to: pipe.input)
        while log.linesLost == 0 { log.log(.info, "filler", "fills the pipe") }
        for _ in 0..<6 { log.log(.info, "gone", "lost too") }
        log.log(.debug, "quiet", "not to be written, so not lost")
        #expect(log.linesLost == 7 && log.linesCut == 0)
        #expect(pipe.read().allSatisfy { $0.contains("\"event\":\"filler\"") })
        log.log(.info, "first", "there is room again")
        log.log(.info, "second", "nothing was lost since")
        let lines = pipe.read()
        #expect(lines.count == 3)
        #expect(lines[0].contains("\"level\":\"warning\",\"event\":\"log_lost\""))
        #expect(lines[0].hasSuffix(",\"lost\":7,\"cut\":0}"))
        #expect(lines[1].contains("first") && lines[2].contains("second"))
        // The next loss is told by itself.
        while log.linesLost == 7 { log.log(.info, "filler", "fills the pipe") }
        _ = pipe.read()
        log.log(.info, "third", "there is room again")
        #expect(pipe.read().first?.hasSuffix(",\"lost\":1,\"cut\":0}") == true)
        #expect(log.linesLost == 8)
    }

    /// A line longer than `PIPE_BUF` is written in pieces. The line after it must not continue it.
    @Test func countsCutLinesAndEndsThem() {
        let pipe = SlowPipe()
        let log = EventLog(to: pipe.input)
        let text = String(repeating: "x", count: EventLog.textMax)
        // More than a pipe holds.
        log.common = (0..<80).map { ("\($0)", .text(text)) }
        log.log(.info, "long", text)
        log.common = []
        log.log(.info, "gone", "lost")
        #expect(log.linesCut == 1 && log.linesLost == 1)
        let before = pipe.read()
        #expect(before.last?.hasSuffix("xxx") == true)
        log.log(.info, "first", "there is room again")
        let lines = pipe.read()
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("{\"ts\":") && lines[0].hasSuffix(",\"lost\":1,\"cut\":1}"))
        #expect(lines[1].contains("first"))
    }

    @Test func countsLinesWithoutAReader() {
        signal(SIGPIPE, SIG_IGN)
        let pipe = SlowPipe()
        pipe.closeOutput()
        let log = EventLog(to: pipe.input)
        for _ in 0..<3 { log.log(.info, "x", "nobody reads") }
        #expect(log.linesLost == 3)
    }
}

/// A pipe whose reader reads when it is told to.
private final class SlowPipe {
    let input: Int32
    private var output: Int32

    init() {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        (output, input) = (ends[0], ends[1])
        #expect(fcntl(output, F_SETFL, O_NONBLOCK) == 0)
    }

    deinit {
        closeOutput()
        close(input)
    }

    /// The lines that are in the pipe.
    func read() -> [String] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while case let count = Glibc.read(output, &chunk, chunk.count), count > 0 { all += chunk[..<count] }
        return String(decoding: all, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func closeOutput() {
        if output >= 0 { close(output) }
        output = -1
    }

    @Test func textIsForPeopleAndStaysOneLine() {
        var lines: [String] = []
        let log = EventLog { lines.append(String(decoding: $0, as: UTF8.self)) }
        log.format = .text
        log.common = [("gateway", .text("g.1"))]
        log.log(
            .info, "grant", "a slot\nwas \u{1B}[31mgranted",
            [
                "pool": .text("x|a"), "words": .text("two words"), "sly": .text("a=b"), "empty": .text(""),
                "n": .number(3),
            ])
        let line = lines[0]
        #expect(
            line.hasSuffix(
                "Z info    grant: a slot\\u000awas \\u001b[31mgranted gateway=g.1 pool=x|a words=\"two words\" sly=\"a=b\" empty=\"\" n=3\n"
                    .drop { $0 == "Z" }))
        #expect(line.count { $0 == "\n" } == 1 && line.prefix(24).hasSuffix("Z"))
    }
}
