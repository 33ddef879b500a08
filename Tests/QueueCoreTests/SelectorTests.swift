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
        #expect(Pool("a:b|chromium|1.65")?.description == "a:b|chromium|1.65")
        #expect(Pool("x||")?.browser == "")
        for bad in ["", "x", "x|", "x|||", "||", "*||", "x|a b|", "x||1 2", "x|a:b|"] {
            #expect(Pool(bad) == nil, "\(bad)")
        }
        #expect(Selector(pattern: "", browser: "", version: "")?.description == "||")
        #expect(Selector(pattern: "a:*:c", browser: "f", version: "1")?.description == "a:*:c|f|1")
        for bad in [":", "a:", "a::b", "a b", "1:2:3:4:5:6:7:8:9", "a*"] {
            #expect(Selector(pattern: bad, browser: "", version: "") == nil, "\(bad)")
        }
        #expect(Selector(pattern: "", browser: "a b", version: "") == nil)
        #expect(Selector(pattern: "", browser: "", version: "a|b") == nil)
    }

    @Test(
        arguments: [
            ("a:b||", "a:b|c|1", 0), ("a:*||", "a:b||", 0), ("a:b:c:d||", "a:b||", 2), ("a:b:c||", "a:b||", 1),
            ("a:b||", "a||", nil), ("a||", "a:b||", 11), ("a||", "a:b:c||", 12), ("*||", "a:b||", 11),
            ("||", "a||", 21),
            ("||", "a:b:c||", 23), ("a:x:c||", "a:b||", nil), ("b||", "a:b||", nil), ("|c|", "a|c|1", 21),
            ("|c|", "a|f|1", nil),
            ("|c|2", "a|c|1", nil), ("A||", "a||", nil),
        ] as [(String, String, Int?)]) func ranks(selector: String, pool: String, rank: Int?)
    {
        let parts = selector.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        let selector = Selector(pattern: parts[0], browser: parts[1], version: parts[2])!
        #expect(selector.rank(of: Pool(pool)!) == rank)
    }
}
