import LoadTestCore
import Testing

@Suite struct ArrivalTests {
    private func times(_ model: ArrivalModel, seconds: Int) -> [Int] {
        Array(ArrivalTimes(model, duration: seconds * 1_000_000, random: SeededRandom(seed: 7)))
    }

    @Test func aConstantRateIsEven() {
        #expect(times(.constant(perSecond: 4), seconds: 1) == [0, 250_000, 500_000, 750_000])
    }

    @Test func aBurstComesAtOnce() {
        #expect(times(.burst(sessions: 3), seconds: 0) == [0, 0, 0])
    }

    @Test func aClosedModelHasNoTimes() {
        #expect(times(.closed(clients: 3), seconds: 1).isEmpty)
    }

    /// The number of arrivals varies by its root, the spread of the gaps is their mean, and one seed gives one load.
    @Test func poissonArrivalsAreExponentiallyApart() {
        let found = times(.poisson(perSecond: 100), seconds: 100)
        #expect(abs(found.count - 10_000) < 400)
        let gaps = zip(found, found.dropFirst()).map { Double($1 - $0) }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let deviation = (gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)).squareRoot()
        #expect(abs(deviation / mean - 1) < 0.05)
        #expect(found == times(.poisson(perSecond: 100), seconds: 100))
    }

    @Test(arguments: [(0.5, 10.0), (10.0, 0.5)])
    func aRampReachesTheSameNumberEitherWay(from: Double, to: Double) {
        let found = times(.ramp(from: from, to: to), seconds: 20)
        #expect(abs(found.count - 105) <= 1)
        #expect(found == found.sorted())
        let inFirstHalf = found.count { $0 < 10_000_000 }
        // A quarter of the way up: the mean rate is 2.875 a second in the lower half.
        #expect(abs(inFirstHalf - (from < to ? 29 : 76)) <= 1)
    }

    @Test(arguments: [
        (HoldTime.constant(1_000), 1_000.0), (.exponential(mean: 1_000), 1_000), (.uniform(500...1_500), 1_000),
        (.lognormal(median: 1_000, p99: 5_000), 1_270.3),
    ])
    func holdTimesHaveTheirMean(hold: HoldTime, mean: Double) {
        #expect(abs(hold.meanMicroseconds - mean) < 0.1)
        var random = SeededRandom(seed: 3)
        let drawn = (0..<50_000).map { _ in Double(hold.drawn(&random)) }.reduce(0, +) / 50_000
        #expect(abs(drawn / mean - 1) < 0.02)
    }

    /// The widest distribution that a scenario can name has values beyond any integer.
    @Test func aLongTailIsCutAtAWeek() {
        var random = SeededRandom(seed: 3)
        let week = 7 * 24 * 3_600 * 1_000_000
        let drawn = (0..<100_000).map { _ in HoldTime.lognormal(median: 1_000, p99: week).drawn(&random) }
        #expect(drawn.allSatisfy { $0 >= 0 && $0 <= week } && drawn.contains(week))
    }

    @Test func theMixOfPlaywrightHasItsLargeAnswers() {
        let mix = FrameMix.playwright
        let all = (0..<mix.count).map(mix.exchange)
        #expect(all.count { $0.down > 512 } == 3)
        #expect((1_000_000...4_000_000).contains(all.reduce(0) { $0 + $1.up + $1.down }))
    }
}
