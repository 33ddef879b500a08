import Queue
import QueueCore
import TestSupport
import Testing

@Suite struct MatchTests {
    @Test func theScriptsMatchAsSwiftDoes() throws {
        let redis = TestRedis()
        let script = ScriptLibrary.script(
            "match",
            text: """
                #!lua
                local out = {}
                for i = 1, #ARGV, 2 do
                    if not is_selector(ARGV[i]) or not is_pool(ARGV[i + 1]) then
                        out[#out + 1] = 'bad'
                    else
                        out[#out + 1] = tostring(match(ARGV[i], ARGV[i + 1]))
                    end
                end
                return out
                """)
        var random = SplitMix64(state: 42)
        func words(_ choices: [String], _ count: ClosedRange<Int>) -> String {
            (0..<Int.random(in: count, using: &random)).map { _ in choices.randomElement(using: &random)! }.joined(
                separator: ":")
        }
        var pairs: [(Selector, Pool)] = []
        while pairs.count < 20_000 {
            let selector = Selector(
                pattern: words(["a", "b", "*"], 0...4), browser: ["", "c", "f"].randomElement(using: &random)!,
                version: ["", "1.1", "1.2"].randomElement(using: &random)!,
                slotProtocol: [nil, .raw, .cdp].randomElement(using: &random)!)
            let pool = Pool(
                label: Label(words(["a", "b"], 1...4))!, browser: ["", "c", "f"].randomElement(using: &random)!,
                version: ["", "1.1", "1.2"].randomElement(using: &random)!,
                slotProtocol: [.raw, .cdp].randomElement(using: &random)!)
            pairs.append((selector!, pool!))
        }
        var fits = 0
        for start in stride(from: 0, to: pairs.count, by: 500) {
            let slice = pairs[start..<start + 500]
            let reply = redis.command(
                ["EVAL", String(decoding: script.source, as: UTF8.self), "1", "berth:{t}:state"]
                    + slice.flatMap { [$0.0.description, $0.1.description] })
            try #require(reply.list.count == 500, "\(reply)")
            for (pair, rank) in zip(slice, reply.strings) {
                let expected = pair.0.rank(of: pair.1)
                #expect(rank == expected.map { String($0) } ?? "nil", "\(pair.0) on \(pair.1)")
                fits += expected == nil ? 0 : 1
            }
        }
        #expect(fits > 1_000)
    }
}
