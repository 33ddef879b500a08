import EventLoop
import Testing

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
}
