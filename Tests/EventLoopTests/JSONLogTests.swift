import Glibc
import Testing

@testable import EventLoop

@Suite struct JSONLogTests {
    @Test func writesOneObjectALine() {
        var lines: [String] = []
        let log = JSONLog(minimum: .info) { lines.append(String(decoding: $0, as: UTF8.self)) }
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
        let log = JSONLog { bytes = $0.count }
        log.log(.info, "x", String(repeating: "\u{20AC}", count: 10_000))
        #expect((JSONLog.textMax..<JSONLog.textMax + 100).contains(bytes))
    }

    /// A reader that stands still (a paused pager, a stalled log shipper) must not stop the loop.
    @Test(.timeLimit(.minutes(1))) func aReaderThatStandsStillCostsLinesOnly() {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let line = Array((String(repeating: "x", count: 999) + "\n").utf8)
        for _ in 0..<1_000 { JSONLog.write(line, to: ends[1]) }
        var read: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        let first = Glibc.read(ends[0], &chunk, chunk.count)
        read += chunk[..<max(first, 0)]
        JSONLog.write(Array("again\n".utf8), to: ends[1])
        close(ends[1])
        while case let count = Glibc.read(ends[0], &chunk, chunk.count), count > 0 { read += chunk[..<count] }
        close(ends[0])
        let lines = String(decoding: read, as: UTF8.self).split(separator: "\n")
        #expect(lines.count > 10 && lines.last == "again")
        #expect(lines.dropLast().allSatisfy { $0.utf8.count == 999 }, "whole lines are lost, not parts")
    }
}
