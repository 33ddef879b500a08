import Testing

@testable import GatewayCore

@Suite struct RefusalSampleTests {
    @Test func theFirstOfEachCodeAndSourceHasALine() {
        var sample = RefusalSample()
        expect(sample.isEmpty)
        expect(sample.note(.unauthorized, source: "192.0.2.1"))
        expect(!sample.note(.unauthorized, source: "192.0.2.1"))
        expect(sample.note(.badRequest, source: "192.0.2.1"))
        expect(sample.note(.unauthorized, source: "192.0.2.2"))
        expect(!sample.note(.unauthorized, source: "192.0.2.1"))
        expect(!sample.isEmpty)
        let counts = sample.end()
        expect(counts.map(\.code) == [.unauthorized])
        expect(counts.map(\.count) == [2])
        expect(sample.isEmpty)
        expect(sample.note(.unauthorized, source: "192.0.2.1"), "the next second begins anew")
        expect(sample.end().isEmpty)
    }

    /// Addresses are cheap: one more than the limit is counted and not kept.
    @Test func sourcesAreBounded() {
        var sample = RefusalSample()
        for number in 0..<RefusalSample.sourcesMax { expect(sample.note(.forbidden, source: "\(number)")) }
        expect(!sample.note(.forbidden, source: "another"))
        expect(!sample.note(.forbidden, source: "another"))
        expect(!sample.note(.badRequest, source: "another"))
        expect(sample.end().map { "\($0.code) \($0.count)" } == ["badRequest 1", "forbidden 2"])
    }
}
