import EventLoop
import RedisClient
import TestSupport
import Testing

/// Single commands with nasty words, in a real Redis and in the simulated one.
@Suite struct CommandDifferenceTests {
    private static let commands = 20_000
    private static let batch = 200

    /// A word that starts with `#` reaches the command as a number of Lua's.
    private static let source = """
        local words = {}
        for i = 2, #ARGV do
            local number = string.match(ARGV[i], '^#(.*)$')
            words[i - 1] = number and tonumber(number) or ARGV[i]
        end
        return redis[ARGV[1]](unpack(words))
        """

    /// Each with how its reply is compared: as it is, as a set, as a set of pairs.
    private enum Order { case exact, anyItems, anyPairs, scanned, scannedPairs, scannedScores }

    @Test(arguments: [1, 2] as [UInt64]) func repliesAndContentsAgree(seed: UInt64) throws {
        let both = try BothStores(seed: seed)
        both.load("one", Self.source)
        var words = Words(seed)
        var errors = 0
        for start in stride(from: 0, to: Self.commands, by: Self.batch) {
            let commands = (0..<Self.batch).map { _ in words.command() }
            let modes = commands.map { _ in bytes(words.dice.chance(50) ? "call" : "pcall") }
            let replies = both.real.pipeline(
                zip(modes, commands).map { both.words("one", [], [$0] + $1.0) })
            for (index, (command, order)) in commands.enumerated() {
                let real = both.plain(replies[index])
                let simulated = both.plain(
                    both.simulated.call("one", keys: [], arguments: [modes[index]] + command))
                if real.errorText != nil { errors += 1 }
                guard Self.comparable(real, order) != Self.comparable(simulated, order) else { continue }
                let text = command.map { String(decoding: $0, as: UTF8.self) }
                Issue.record("seed \(seed), step \(start + index): \(text)\nreal      \(real)\nsimulated \(simulated)")
                return
            }
            #expect(both.differences() == [], "seed \(seed), after step \(start)")
        }
        print("store: seed \(seed), \(Self.commands) commands, \(errors) of them errors, no difference")
    }

    /// Packed rows: the same bytes, and the same values out of them, whole or cut short.
    @Test func packedRowsAgree() throws {
        let both = try BothStores(seed: 1)
        both.load(
            "rows",
            """
            local values, cut = {}, tonumber(ARGV[2])
            for i = 4, #ARGV do
                values[#values + 1] = string.sub(ARGV[1], i - 2, i - 2) == 's' and ARGV[i] or tonumber(ARGV[i]) or ARGV[i]
            end
            local made, row = pcall(struct.pack, ARGV[1], unpack(values))
            if not made then return { 'not packed' } end
            local back = { pcall(struct.unpack, ARGV[1], string.sub(row, 1, #row - cut), tonumber(ARGV[3])) }
            if not back[1] then return { row, 'not unpacked' } end
            for i = 2, #back do
                back[i] = type(back[i]) == 'number' and string.format('%.17g', back[i]) or back[i]
            end
            return { row, unpack(back, 2) }
            """)
        var dice = SplitMix64(state: 7)
        let numbers = ["0", "1", "255", "1700000000000001", "65535", "4294967295", "12.5", "x"]
        let texts = ["", "a", "with space", String(repeating: "y", count: 300)]
        for _ in 0..<2_000 {
            let letters = (0..<1 + dice.below(12)).map { _ in dice.pick(["d", "d", "s", "B", "H", "I"]) }
            let values = letters.map {
                dice.pick($0 == "s" ? texts : dice.chance(99) ? ["3", "200"] + numbers[..<3] : numbers)
            }
            let cut = dice.chance(20) ? "\(1 + dice.below(9))" : "0"
            let call = ["<" + letters.joined(), cut, dice.chance(90) ? "1" : "3"] + values
            let real = both.plain(both.real.pipeline([both.words("rows", [], call.map(bytes))])[0])
            let simulated = both.plain(both.simulated.call("rows", keys: [], arguments: call.map(bytes)))
            #expect(real == simulated, "\(call)")
        }
    }

    private static func comparable(_ reply: RedisReply, _ order: Order) -> [RedisReply] {
        guard let elements = reply.elements else { return [reply] }
        switch order {
        case .exact: return [reply]
        case .anyItems: return sorted(elements)
        case .anyPairs: return pairs(elements)
        case .scanned: return [elements[0]] + sorted(elements[1].elements!)
        // Redis spells a score in a scan by how it stores it.
        case .scannedScores:
            return [elements[0]]
                + pairs(
                    elements[1].elements!.enumerated().map { index, element in
                        index % 2 == 0 ? element : .bulk(bytes("\(Double(element.text!)!)"))
                    })
        case .scannedPairs: return [elements[0]] + pairs(elements[1].elements!)
        }
    }

    private static func sorted(_ replies: [RedisReply]) -> [RedisReply] { replies.sorted { "\($0)" < "\($1)" } }

    private static func pairs(_ elements: [RedisReply]) -> [RedisReply] {
        sorted(
            stride(from: 0, to: elements.count, by: 2).map { .array(Array(elements[$0..<min($0 + 2, elements.count)])) }
        )
    }

    private struct Words {
        var dice: SplitMix64

        init(_ seed: UInt64) { dice = SplitMix64(state: seed) }

        private static let keys = ["h1", "h2", "s1", "s2", "z1", "z2", "v1", "v2", ""]
        private static let members = [
            "a", "b", "c", "aa", "ab", "B", "", "a\u{0}b", "10", "9", "with space", "é",
            String(repeating: "x", count: 80),
        ]
        private static let numbers = [
            "0", "1", "-1", "5", "100", "-100", "007", "+1", " 1", "1 ", "1.5", "0.1", "1e3", "inf", "-inf",
            "+inf", "nan", "0x10", "1e400", "1e-400", "9223372036854775807", "-9223372036854775808",
            "9223372036854775808", "1700000000000000", "1700000000000001", "9007199254740993", "abc", "", "1a",
            "3.0000000000000004", "#0.1", "#1e15", "#1e17", "#123456789012345678", "#-5", "#1e300", "#2.5",
            "#0", "#100000000000000", "#-1e15", "#0x7f",
        ]
        private static let bounds = [
            "(1", "(5", "[a", "(a", "-", "+", "[", "(", "(inf", "(-inf", "((1", "1", "-inf", "+inf", "[ab", "(b",
        ]

        private mutating func key(_ family: String) -> String {
            dice.chance(85) ? dice.pick(Self.keys.filter { $0.hasPrefix(family) }) : dice.pick(Self.keys)
        }
        private mutating func member() -> String {
            dice.chance(70) ? dice.pick(Self.members) : "m\(dice.below(40))"
        }
        private mutating func number() -> String {
            dice.chance(50) ? "\(dice.below(12) - 3)" : dice.pick(Self.numbers)
        }
        private mutating func bound() -> String { dice.chance(50) ? dice.pick(Self.bounds) : number() }
        private mutating func many(_ most: Int, _ make: (inout Words) -> [String]) -> [String] {
            var made: [String] = []
            for _ in 0..<(dice.chance(5) ? 0 : 1 + dice.below(most)) { made += make(&self) }
            return made
        }
        private mutating func options(_ from: [String]) -> [String] {
            dice.chance(50) ? [] : (0..<1 + dice.below(2)).map { _ in dice.pick(from) }
        }

        mutating func command() -> ([[UInt8]], Order) {
            var (words, order) = dice.chance(50) ? ranked() : unranked()
            // One more word or less, and chance decides.
            let isDrawn = ["SPOP", "SRANDMEMBER", "SSCAN", "HSCAN", "ZSCAN"].contains(words[0])
            if dice.chance(3), !isDrawn { words.append(member()) }
            if dice.chance(3), words.count > 1, !isDrawn { words.removeLast() }
            if dice.chance(10) { words[0] = words[0].lowercased() }
            if words.count < 2 { order = .exact }
            return (words.map(bytes), order)
        }

        private mutating func unranked() -> ([String], Order) {
            switch dice.below(34) {
            case 0: return (["HSET", key("h")] + many(4) { [$0.member(), $0.number()] }, .exact)
            case 1: return (["HSET", key("h")] + many(4) { [$0.member(), $0.member()] }, .exact)
            case 2: return (["HSETNX", key("h"), member(), number()], .exact)
            case 3: return (["HGET", key("h"), member()], .exact)
            case 4: return (["HMGET", key("h")] + many(4) { [$0.member()] }, .exact)
            case 5: return (["HDEL", key("h")] + many(4) { [$0.member()] }, .exact)
            case 6: return (["HEXISTS", key("h"), member()], .exact)
            case 7: return (["HLEN", key("h")], .exact)
            case 8: return (["HGETALL", key("h")], .anyPairs)
            case 9: return (["HKEYS", key("h")], .anyItems)
            case 10: return (["HVALS", key("h")], .anyItems)
            case 11, 12: return (["HINCRBY", key("h"), member(), number()], .exact)
            case 13: return (["HSCAN", key("h"), "0", "COUNT", "1000"], .scannedPairs)
            case 14, 15: return (["SADD", key("s")] + many(5) { [$0.member()] }, .exact)
            case 16: return (["SREM", key("s")] + many(5) { [$0.member()] }, .exact)
            case 17: return (["SCARD", key("s")], .exact)
            case 18: return (["SISMEMBER", key("s"), member()], .exact)
            case 19: return (["SMISMEMBER", key("s")] + many(5) { [$0.member()] }, .exact)
            case 20: return (["SMEMBERS", key("s")], .anyItems)
            // Who goes is chance; only taking all, or nothing, leaves both alike.
            case 21: return (["SPOP", key("s"), dice.pick(["100", "0", "-1", "x", "1.5", ""])], .anyItems)
            case 22: return (["SRANDMEMBER", key("s"), dice.pick(["100", "0", "x", "1.5"])], .anyItems)
            case 23:
                return (
                    ["SSCAN", key("s"), dice.pick(["0", "x"])]
                        + dice.pick([["COUNT", "1000"], ["COUNT", "0"], ["COUNT"]]),
                    .scanned
                )
            case 24: return (["GET", key("v")], .exact)
            case 25: return (["SET", key("v"), number()], .exact)
            case 26: return (["INCR", key("v")], .exact)
            case 27: return (["INCRBY", key("v"), number()], .exact)
            case 28: return ([dice.pick(["DEL", "UNLINK", "EXISTS"])] + many(3) { [$0.key("")] }, .exact)
            case 29: return ([dice.pick(["TYPE", "TTL"]), key("")], .exact)
            case 30: return (["MGET"] + many(4) { [$0.key("")] }, .exact)
            case 31: return (["MSET"] + many(3) { [$0.key("v"), $0.member()] }, .exact)
            case 32:
                return dice.chance(30)
                    ? (["RENAME", key(""), key("")], .exact) : (["KEYS", dice.pick(["*", "h*", "z1"])], .anyItems)
            default: return ([dice.pick(["NOSUCH", "PUBLISH", "", "TIME "]), "a", "b"], .exact)
            }
        }

        private mutating func ranked() -> ([String], Order) {
            let key = key("z")
            switch dice.below(20) {
            case 0...3:
                let options = options(["NX", "XX", "GT", "LT", "CH", "INCR", "ch", "nope"])
                return (["ZADD", key] + options + many(4) { [$0.number(), $0.member()] }, .exact)
            case 4: return (["ZADD", "l1"] + many(6) { ["0", $0.member()] }, .exact)
            case 5: return (["ZINCRBY", key, number(), member()], .exact)
            case 6: return (["ZREM", key] + many(4) { [$0.member()] }, .exact)
            case 7: return (["ZCARD", key], .exact)
            case 8: return (["ZSCORE", key, member()], .exact)
            case 9: return (["ZMSCORE", key] + many(4) { [$0.member()] }, .exact)
            case 10: return ([dice.pick(["ZRANK", "ZREVRANK"]), key, member()], .exact)
            case 11: return (["ZCOUNT", key, bound(), bound()], .exact)
            case 12: return (["ZREMRANGEBYSCORE", key, bound(), bound()], .exact)
            case 13: return (["ZSCAN", key, "0", "COUNT", "1000"], .scannedScores)
            // Members of one score only, else Redis promises nothing.
            case 14: return (["ZLEXCOUNT", "l1", bound(), bound()], .exact)
            case 15:
                return (
                    ["ZRANGE", "l1", bound(), bound(), "BYLEX"] + options(["REV", "LIMIT"]) + options([number()]),
                    .exact
                )
            case 16:
                let limit = ["LIMIT", number(), number()]
                return (
                    ["ZRANGE", key, bound(), bound(), "BYSCORE"] + options(["REV", "WITHSCORES", "rev"])
                        + (dice.chance(50) ? limit : []), .exact
                )
            default:
                return (
                    ["ZRANGE", key, number(), number()]
                        + options(["REV", "WITHSCORES", "LIMIT", "BYSCORE", "withscores"]), .exact
                )
            }
        }
    }
}
