import QueueCore
import TestSupport
import Testing

/// The walk through keys of any size, a slice a call, that audit, sweeps and the count of slots wanted share.
@Suite struct WalkTests {
    let fleet = Fleet()
    private let set = "berth:{t}:walked"

    init() {
        fleet.auditsEachStep = false
        fleet.load(
            "walk",
            body: """
                begin('operator')
                looks_left = natural(ARGV[7])
                local met = {}
                local rest = walk('SSCAN', key('walked'), ARGV[6], function(name, inner)
                    looks_left = looks_left - 1
                    met[#met + 1] = name
                    if inner == '' and string.find(name, '^long') then
                        return 'half'
                    end
                end)
                return { rest or 'end', met }
                """)
    }

    /// All met, in as many calls as it takes; `between` two of them the set may change.
    private func walk(between: () -> Void) -> Set<String> {
        var (cursor, met) = ("", Set<String>())
        for _ in 0..<100_000 {
            let reply = fleet.raw("walk", ["", "0", "0", "0", "0", cursor, "3"]).list
            met.formUnion(reply[1].strings)
            if reply[0].string == "end" { return met }
            cursor = reply[0].string
            between()
        }
        Issue.record("it goes on for ever")
        return met
    }

    /// No name of Berth's has blanks. One that a person wrote must not make the walk begin anew for ever.
    @Test func aNameWithBlanksIsPassedOver() {
        let names = (0..<40).map { "stays\($0)" }
        fleet.redis.command(["SADD", set, "a b", "c\nd", " "] + names)
        #expect(walk(between: {}) == Set(names))
    }

    /// In a table of many members and in a list of few; some take two calls each.
    @Test(arguments: [12, 300]) func whoStaysIsMetWhateverComesAndGoes(_ size: Int) {
        var dice = SplitMix64(state: 3)
        for turn in 0..<Sample.count("BERTH_WALK_TURNS", sample: 20, whole: 300) {
            fleet.redis("DEL", set)
            let staying = (0..<size).map { $0 % 50 == 7 ? "long\($0).\(turn)" : "stays\($0).\(turn)" }
            let leaving = (0..<size).map { "m\($0).\(turn)" }
            fleet.redis.command(["SADD", set] + staying + leaving)
            let met = walk {
                fleet.redis("SREM", set, dice.pick(leaving))
                fleet.redis("SADD", set, "s\(dice.below(10_000)).\(turn)")
            }
            #expect(Set(staying).subtracting(met) == [], "turn \(turn)")
        }
    }
}
