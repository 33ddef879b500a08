import Testing
import WorkerCore

@Suite struct SpreadTests {
    @Test(arguments: [
        (1_000 as UInt64, 0 as UInt64, 1_000 as UInt64), (1_000, 100, 900), (1_000, 101, 1_000), (1_000, 50, 950),
        (1, .max, 1), (9, 5, 9),
    ])
    func aDrawTakesAtMostATenth(_ most: UInt64, _ draw: UInt64, _ end: UInt64) {
        #expect(Spread.below(most, draw: draw) == end)
    }
}
