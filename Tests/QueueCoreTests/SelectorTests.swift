import QueueCore
import Testing

@Suite struct SelectorTests {
    @Test func labels() {
        #expect(Label("a:b-1._x:C")?.segments == ["a", "b-1._x", "C"])
        #expect(Label("1:2:3:4:5:6:7:8") != nil)
        for bad in [
            "", ":", "a:", ":a", "a::b", "a b", "a|b", "*", "a:*", "1:2:3:4:5:6:7:8:9",
            String(repeating: "x", count: 65),
        ] {
            #expect(Label(bad) == nil, "\(bad)")
        }
    }

    @Test func poolsAndSelectorsAreReadAsWritten() {
        #expect(Pool("a:b|chromium|1.65|raw")?.description == "a:b|chromium|1.65|raw")
        #expect(Pool("x|||raw")?.browser == "" && Pool("x|||bidi")?.slotProtocol == .bidi)
        for bad in [
            "", "x", "x|", "x||", "x|||", "x|||ws", "x|||raw|", "|||raw", "*|||raw", "x|a b||raw", "x||1 2|raw",
            "x|a:b||raw",
        ] {
            #expect(Pool(bad) == nil, "\(bad)")
        }
        #expect(Selector(pattern: "")?.description == "|||")
        #expect(
            Selector(pattern: "a:*:c", browser: "f", version: "1", slotProtocol: .raw)?.description == "a:*:c|f|1|raw")
        for bad in [":", "a:", "a::b", "a b", "1:2:3:4:5:6:7:8:9", "a*"] {
            #expect(Selector(pattern: bad) == nil, "\(bad)")
        }
        #expect(Selector(pattern: "", browser: "a b") == nil)
        #expect(Selector(pattern: "", version: "a|b") == nil)
    }

    @Test(
        arguments: [
            ("a:b|||raw", "a:b|c|1|raw", 0), ("a:*|||raw", "a:b|||raw", 0), ("a:b:c:d|||raw", "a:b|||raw", 2),
            ("a:b:c|||raw", "a:b|||raw", 1),
            ("a:b|||raw", "a|||raw", nil), ("a|||raw", "a:b|||raw", 11), ("a|||raw", "a:b:c|||raw", 12),
            ("*|||raw", "a:b|||raw", 11),
            ("|||raw", "a|||raw", 21),
            ("|||raw", "a:b:c|||raw", 23), ("a:x:c|||raw", "a:b|||raw", nil), ("b|||raw", "a:b|||raw", nil),
            ("|c||raw", "a|c|1|raw", 21),
            ("|c||raw", "a|f|1|raw", nil),
            ("|c|2|raw", "a|c|1|raw", nil), ("A|||raw", "a|||raw", nil), ("|||", "a|||cdp", 21),
            ("|||cdp", "a|||cdp", 21), ("a|||cdp", "a|||bidi", nil),
        ] as [(String, String, Int?)]) func ranks(selector: String, pool: String, rank: Int?)
    {
        let parts = selector.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        let selector = Selector(
            pattern: parts[0], browser: parts[1], version: parts[2], slotProtocol: SlotProtocol(rawValue: parts[3]))!
        #expect(selector.rank(of: Pool(pool)!) == rank)
    }
}
