import QueueCore
import TestSupport
import Testing

/// Calls of a random walk, most of them made a second time with a word replaced, dropped, added or changed: whatever is
/// asked, no call fails once it has written.
@Suite struct HostileCallTests {
    @Test func noCallFailsOnceItHasWritten() {
        let calls = StoreDifferenceTests.recorded(
            3, steps: Sample.count("BERTH_HOSTILE_STEPS", sample: 400, whole: 5_000))
        let fleet = Fleet()
        fleet.begin()
        var spoiler = Spoiler(seed: 9, percent: 80, calls.flatMap(\.arguments))
        var (made, failed) = (0, 0)
        for call in calls {
            for one in spoiler.spoilt(call) + [call] {
                fleet.turn(to: one.clock)
                made += 1
                guard case .error(let words) = fleet.raw(one.script, one.arguments) else { continue }
                failed += 1
                Issue.record("\(one.script) \(one.arguments.map { $0.prefix(80) }): \(words)")
            }
        }
        #expect(failed == 0)
        print("hostile: \(made) calls, \(failed) errors")
    }
}
