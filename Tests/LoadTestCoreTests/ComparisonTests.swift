import Testing

@testable import LoadTestCore

@Suite struct ComparisonTests {
    /// A run of one scenario, with these waits.
    private func result(_ waits: [Int]) throws -> RunResult {
        let scenario = try ScenarioReader.read(
            Array("question: Why?\nslots: 2\narrivals: { burst: 2 }".utf8), name: "t", file: "t.yaml")
        var recorder = RunRecorder(scenario: scenario, now: 0)
        for (session, wait) in waits.enumerated() {
            recorder.arrived(0, due: 0, now: 0)
            recorder.opened(session, of: 0, waited: wait, now: 0)
            recorder.released(0, wasServed: true, now: 0)
        }
        let machine = RunResult.Machine(
            system: "", kernel: "", architecture: "", processor: "", cores: 2, memoryBytes: 1)
        let origin = RunResult.Origin(
            began: "", machine: machine, versions: [:], commit: nil, addresses: [], seed: 1)
        return RunResult(recorder.figures(now: 1, isCut: false), origin: origin)
    }

    private func drawn(_ count: Int, mean: Double, seed: UInt64) -> [Int] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in Int(random.exponential(mean: mean)) }
    }

    @Test func aClearDifferenceIsShown() throws {
        let found = try #require(
            Comparison(
                before: try result(drawn(2_000, mean: 10_000, seed: 1)),
                after: try result(drawn(2_000, mean: 13_000, seed: 2))))
        #expect(found.rows.map(\.name) == ["mean wait", "p50", "p90", "p99"])
        #expect(found.rows[0].verdict == "longer" && found.rows[0].interval.contains(1.3))
    }

    @Test func theSameSystemTwiceIsNotFoundDifferent() throws {
        let found = try #require(
            Comparison(
                before: try result(drawn(2_000, mean: 10_000, seed: 1)),
                after: try result(drawn(2_000, mean: 10_000, seed: 2))))
        for row in found.rows { #expect(row.verdict == "no difference shown", "\(row)") }
    }

    /// A queue that fills and drains: neighbours wait alike, so 2,000 waits hold far less than 2,000 facts.
    @Test func neighboursThatDependOnEachOtherWidenTheInterval() throws {
        let wave = (0..<2_000).map { 10_000 + 9_000 * (($0 / 200) % 2) }
        let mixed = (0..<2_000).map { 10_000 + 9_000 * ($0 % 2) }
        func width(_ waits: [Int]) throws -> Double {
            let found = try #require(Comparison(before: try result(waits), after: try result(waits)))
            return found.rows[0].interval.upperBound - found.rows[0].interval.lowerBound
        }
        #expect(try width(wave) > 4 * width(mixed))
    }

    @Test func aRunWithoutWaitsIsNotCompared() throws {
        #expect(Comparison(before: try result([]), after: try result([1])) == nil)
    }
}
