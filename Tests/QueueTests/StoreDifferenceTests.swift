import EventLoop
import Foundation
import Queue
import TestSupport
import Testing

/// The shipped scripts in a real Redis and in the simulated one: the calls of random walks, some of them spoilt, in both.
///
/// `BERTH_STORE_CALLS=n` makes n calls instead of CI's.
@Suite struct StoreDifferenceTests {
    static var callsMax: Int { ProcessInfo.processInfo.environment["BERTH_STORE_CALLS"].flatMap(Int.init) ?? 10_000 }
    private static let stepsAWalk = 1_500
    /// Each walk is made so often, each time spoilt in another way, the first time not at all.
    private static let turnsAWalk = 8
    private static let batch = 100

    private struct Call {
        let script: String
        var arguments: [String]
        let clock: Int
    }

    private static func recorded(_ seed: UInt64) -> [Call] {
        var calls: [Call] = []
        let walk = Walk(seed: seed, onCall: { calls.append(Call(script: $0, arguments: $1, clock: $2)) })
        for _ in 1...stepsAWalk where walk.model.complaints.isEmpty { walk.step() }
        return calls
    }

    @Test func theScriptsDoTheSameInBoth() throws {
        var (calls, seed, statuses) = (0, UInt64(0), [String: Int]())
        while calls < Self.callsMax {
            seed += 1
            let walk = Self.recorded(seed)
            for turn in 0..<Self.turnsAWalk where calls < Self.callsMax {
                let both = try InStep(seed: seed)
                var spoiler = Spoiler(seed: seed &* 100 &+ UInt64(turn), percent: turn * 2, walk.flatMap(\.arguments))
                for start in stride(from: 0, to: walk.count, by: Self.batch) {
                    var batch = walk[start..<min(start + Self.batch, walk.count)].map { call in
                        (call.script, spoiler.spoil(call.arguments), call.clock)
                    }
                    batch.append(("status", ["", "0", "0", "0", "0", "20"], batch.last!.2))
                    for section in ["workers", "gateways", "line", "selectors", "pending", "pools"] {
                        batch.append(("audit", ["", "0", "0", "0", "0", section, "0"], batch.last!.2))
                    }
                    let differences = both.call(batch, &statuses)
                    #expect(differences == [], "seed \(seed), turn \(turn), after call \(start)")
                    guard differences.isEmpty else { return }
                    calls += batch.count
                }
            }
        }
        let told = statuses.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print("store: \(calls) script calls of \(seed) walks, no difference: \(told)")
        #expect(statuses["granted", default: 0] > 0)
    }
}

/// Spoils some calls: a word is replaced, dropped, added or changed with its neighbour.
private struct Spoiler {
    private var dice: SplitMix64
    private let percent: Int
    private let known: [String]
    private static let hostile = [
        "", "0", "-1", "1", "x", "*", "||", "1e9", "0x10", "9007199254740993", "99999999999999999999", " ", "a b",
        "inf",
        "{", "nan", "-", "12:34", String(repeating: "y", count: 400),
    ]

    init(seed: UInt64, percent: Int, _ known: [String]) {
        (dice, self.percent) = (SplitMix64(state: seed), percent)
        self.known = Array(Set(known)).sorted()
    }

    mutating func spoil(_ arguments: [String]) -> [String] {
        guard dice.chance(percent) else { return arguments }
        var arguments = arguments
        let at = dice.below(arguments.count)
        switch dice.below(10) {
        case 0: arguments.remove(at: at)
        case 1: arguments.insert(dice.pick(Self.hostile), at: at)
        case 2: arguments.swapAt(at, dice.below(arguments.count))
        case 3...5: arguments[at] = dice.pick(Self.hostile)
        default: arguments[at] = dice.pick(known)
        }
        return arguments
    }
}

/// Both stores kept in step where Redis leaves something open: what SPOP and SRANDMEMBER take is the first by bytes, what
/// comes in no order comes sorted, a scan tells all at once, and a channel's name says whether somebody listens. (Those
/// commands themselves are compared one by one in `CommandDifferenceTests`.)
private final class InStep {
    private static let prefix = "berth:{t}:"
    private let both: BothStores
    private let meta = [bytes(Keys(fleet: "t").meta)]

    private static func source(_ time: String) -> String {
        """
        local redis = (function()
            local given = redis.call
            local own = {}
            local function sorted(...)
                local found = given(...)
                table.sort(found)
                return found
            end
            own.SMEMBERS = function(...) return sorted('SMEMBERS', ...) end
            own.HKEYS = function(...) return sorted('HKEYS', ...) end
            function own.HGETALL(key)
                local out = {}
                for _, field in ipairs(sorted('HKEYS', key)) do
                    out[#out + 1] = field
                    out[#out + 1] = given('HGET', key, field)
                end
                return out
            end
            function own.SSCAN(key) return { '0', sorted('SMEMBERS', key) } end
            function own.SRANDMEMBER(key) return sorted('SMEMBERS', key)[1] or false end
            function own.SPOP(key, count)
                local out = {}
                for i, member in ipairs(sorted('SMEMBERS', key)) do
                    if i <= count then
                        out[i] = member
                        given('SREM', key, member)
                    end
                end
                return out
            end
            function own.PUBLISH(channel) return string.byte(channel, -1) % 2 end
            function own.TIME() return \(time) end
            return { call = function(name, ...) return (own[name] or function(...) return given(name, ...) end)(...) end }
        end)()
        """
    }

    init(seed: UInt64) throws {
        both = try BothStores(seed: seed)
        for script in ScriptLibrary.all {
            let text = String(decoding: script.source, as: UTF8.self)
            let end = text.firstIndex(of: "\n")!
            func joined(_ time: String) -> String { text[...end] + Self.source(time) + text[end...] }
            both.load(
                script.name, joined("given('HMGET', 'clock', 's', 'u')"), here: joined("given('TIME')"))
        }
    }

    /// - Returns: what differed, in replies or in contents.
    func call(_ calls: [(script: String, arguments: [String], clock: Int)], _ statuses: inout [String: Int]) -> [String]
    {
        let replies = both.real.pipeline(
            calls.flatMap { script, arguments, clock in
                [
                    ["HSET", "clock", "s", String(clock / 1_000_000), "u", String(clock % 1_000_000)].map(bytes),
                    both.words(script, meta, arguments.map(bytes)),
                ]
            })
        var found: [String] = []
        for (index, (script, arguments, clock)) in calls.enumerated() {
            both.simulated.now = Int64(clock)
            let here = both.plain(both.simulated.call(script, keys: meta, arguments: arguments.map(bytes)))
            let there = both.plain(replies[2 * index + 1])
            if script != "audit", script != "status" {
                statuses[here.errorText == nil ? here.elements?.first?.text ?? "?" : "error", default: 0] += 1
            }
            guard here != there else { continue }
            found.append("\(script) \(arguments)\nreal      \(there)\nsimulated \(here)")
            if found.count == 3 { break }
        }
        return found + both.differences(under: Self.prefix).prefix(10)
    }
}
