import SimulatedFleet
import Testing

/// A seed is worth nothing if it does not show the same thing again.
@Suite struct SameSeedTests {
    @Test(arguments: [3, 44, 112] as [UInt64])
    func theSameSeedIsTheSameRun(seed: UInt64) throws {
        let runner = try SimulationRunner()
        let first = runner.run(seed: seed)
        // Whatever this runner, or another one, did before.
        _ = runner.run(seed: seed + 1)
        for again in [runner.run(seed: seed), try SimulationRunner().run(seed: seed)] {
            #expect(again.hash == first.hash)
            #expect(again.counts == first.counts)
            #expect(again.simulatedMilliseconds == first.simulatedMilliseconds)
        }
        #expect(first.findings == [])
    }

    @Test func aTraceChangesNothing() throws {
        var options = SimulationOptions()
        options.isTraced = true
        let traced = try SimulationRunner(options: options).run(seed: 7)
        #expect(!traced.trace.isEmpty)
        let untraced = try SimulationRunner().run(seed: 7)
        #expect(traced.hash == untraced.hash)
    }
}
