import EventLoop
import Queue
import QueueCore
import TestSupport
import Testing

/// A call as a walk made it: Redis' microseconds, and the gateways that listened.
struct RecordedCall {
    let script: String
    let arguments: [String]
    let clock: Int
    let listeners: [String]
}

/// The shipped scripts in a real Redis and in the simulated one: the calls of random walks, some of them spoilt, in both.
///
/// `BERTH_STORE_CALLS=n` makes n calls.
@Suite struct StoreDifferenceTests {
    static var callsMax: Int { Sample.count("BERTH_STORE_CALLS", sample: 1_500, whole: 50_000) }
    static let stepsAWalk = 1_500
    /// Each walk is made so often, each time spoilt in another way, the first time not at all.
    private static let turnsAWalk = 8
    private static let batch = 100

    static func recorded(_ seed: UInt64, steps: Int = stepsAWalk) -> [RecordedCall] {
        var calls: [RecordedCall] = []
        let walk = Walk(seed: seed, onCall: { calls.append($0) })
        for step in 1...steps where walk.model.complaints.isEmpty { walk.step(step) }
        return calls
    }

    /// What operators ask, at the same time.
    private static func looks(like call: RecordedCall) -> [RecordedCall] {
        let header = ["", "0", "0", "0", "0"]
        // In which order keys are scanned is each store's own.
        let audits = AuditReport.sections.filter { $0 != "keys" }.map { [$0, ""] }
        let surveys = FleetSurvey.sections.map { [$0, "", "20"] }
        return (surveys.map { ("survey", $0) } + audits.map { ("audit", $0) }).map { script, arguments in
            RecordedCall(
                script: script, arguments: header + arguments, clock: call.clock, listeners: call.listeners)
        }
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
                    let slice = walk[start..<min(start + Self.batch, walk.count)]
                    let batch = slice.flatMap { spoiler.spoilt($0) + [$0] } + Self.looks(like: slice.last!)
                    let differences = both.call(batch, &statuses)
                    #expect(differences == [], "seed \(seed), turn \(turn), after call \(start)")
                    guard differences.isEmpty else { return }
                    calls += batch.count
                }
            }
        }
        let told = statuses.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print("store: \(calls) script calls of \(seed) walks, no difference: \(told)")
        #expect(statuses["accepted", default: 0] > calls / 100)
    }
}

/// Makes some calls a second time before they are made, spoilt: a word replaced, dropped, added or changed with another.
struct Spoiler {
    private var dice: SplitMix64
    private let percent: Int
    private let known: [String]
    private static let hostile = [
        "", "0", "-1", "1", "x", "*", "|||raw", "1e9", "0x10", "9007199254740993", "99999999999999999999", " ", "a b",
        "inf",
        "{", "nan", "-", "12:34", String(repeating: "y", count: 400), String(repeating: "7", count: 100_000),
    ]

    init(seed: UInt64, percent: Int, _ known: [String]) {
        (dice, self.percent) = (SplitMix64(state: seed), percent)
        self.known = Array(Set(known)).sorted()
    }

    /// What is made besides this call: a spoilt one, or none.
    mutating func spoilt(_ call: RecordedCall) -> [RecordedCall] {
        guard dice.chance(percent) else { return [] }
        return [
            RecordedCall(
                script: call.script, arguments: spoil(call.arguments), clock: call.clock, listeners: call.listeners)
        ]
    }

    private mutating func spoil(_ arguments: [String]) -> [String] {
        var arguments = arguments
        // Who calls is spoilt less often: a process whose connection is over does nothing more in its walk.
        let at =
            dice.chance(90) && arguments.count > 5 ? 5 + dice.below(arguments.count - 5) : dice.below(arguments.count)
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

/// Both stores kept in step where Redis leaves something open: what SRANDMEMBER takes is the first by bytes, what
/// comes in no order comes sorted, a scan tells all at once, and a set says who listens. (Those commands
/// themselves are compared one by one in `CommandDifferenceTests`.)
private final class InStep {
    private static let prefix = "berth:{t}:"
    private let both: BothStores
    private let key = [bytes(Keys(fleet: "t").state)]

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
            function own.SCAN() return { '0', sorted('KEYS', '\(prefix)*') } end
            function own.SSCAN(key) return { '0', sorted('SMEMBERS', key) } end
            function own.HSCAN(key) return { '0', own.HGETALL(key) } end
            function own.ZSCAN(key) return { '0', given('ZRANGE', key, 0, -1, 'WITHSCORES') } end
            function own.SRANDMEMBER(key, count)
                local found = sorted('SMEMBERS', key)
                return count and { unpack(found, 1, math.min(count, #found)) } or found[1] or false
            end
            function own.PUBLISH(channel) return given('SISMEMBER', 'ears', string.match(channel, '[^:]*$')) end
            function own.TIME() return \(time) end
            return { call = function(name, ...) return (own[name] or function(...) return given(name, ...) end)(...) end }
        end)()
        """
    }

    init(seed: UInt64) throws {
        both = try BothStores(seed: seed)
        both.load("ears", "redis.call('DEL', 'ears') for _, id in ipairs(ARGV) do redis.call('SADD', 'ears', id) end")
        for script in ScriptLibrary.all {
            let text = String(decoding: script.source, as: UTF8.self)
            let end = text.firstIndex(of: "\n")!
            func joined(_ time: String) -> String { text[...end] + Self.source(time) + text[end...] }
            both.load(
                script.name, joined("given('HMGET', 'clock', 's', 'u')"), here: joined("given('TIME')"))
        }
    }

    /// - Returns: what differed, in replies or in contents.
    func call(_ calls: [RecordedCall], _ statuses: inout [String: Int]) -> [String] {
        let replies = both.real.pipeline(
            calls.flatMap { call in
                [
                    ["HSET", "clock", "s", String(call.clock / 1_000_000), "u", String(call.clock % 1_000_000)].map(
                        bytes),
                    both.words("ears", [], call.listeners.map(bytes)),
                    both.words(call.script, key, call.arguments.map(bytes)),
                ]
            })
        var found: [String] = []
        for (index, call) in calls.enumerated() {
            both.simulated.now = Int64(call.clock)
            _ = both.simulated.call("ears", keys: [], arguments: call.listeners.map(bytes))
            let here = both.plain(both.simulated.call(call.script, keys: key, arguments: call.arguments.map(bytes)))
            let there = both.plain(replies[3 * index + 2])
            if call.script != "audit", call.script != "survey" {
                statuses[here.errorText == nil ? here.elements?.first?.text ?? "?" : "error", default: 0] += 1
            }
            guard here != there else { continue }
            found.append("\(call.script) \(call.arguments)\nreal      \(there)\nsimulated \(here)")
            if found.count == 3 { break }
        }
        return found + both.differences(under: Self.prefix).prefix(10)
    }
}
