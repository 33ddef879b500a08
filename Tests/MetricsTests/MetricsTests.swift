import Metrics
import Testing

@Suite struct MetricsTests {
    @Test func aFamilyIsWrittenInThePrometheusFormat() {
        let family = MetricFamily(
            "berth_x", .gauge, "A \\ and\na line.",
            samples: [.init(1.5, labels: [.init("pool", "a\"b\\c\nd")]), .init(3), .init(.infinity)])
        #expect(
            metricsText([family]) == """
                # HELP berth_x A \\\\ and\\na line.
                # TYPE berth_x gauge
                berth_x{pool="a\\"b\\\\c\\nd"} 1.5
                berth_x 3
                berth_x +Inf

                """)
    }

    @Test func countersBeyondTheBoundAreSummed() {
        var counters = CounterTable("c_total", "C.", by: "code", "side", zeros: [["a", "b"]], most: 3)
        counters.add("a", "b")
        counters.add("c", "d", by: 2)
        for index in 0..<1_000 { counters.add("x\(index)", "y") }
        let samples = counters.family.samples
        #expect(samples.count == 4 && samples.reduce(0) { $0 + $1.value } == 1_003)
        #expect(samples.contains(.init(999, labels: [.init("code", "other"), .init("side", "other")])))
    }

    @Test func gaugesBeyondTheBoundAreSummedTheSmallestFirst() {
        let values = Dictionary(uniqueKeysWithValues: (1...10).map { ("p\($0)", $0) })
        let samples = MetricFamily.gauge("g", "G.", by: "pool", values, most: 2).samples
        #expect(samples.map(\.value) == [36, 10, 9], "other, p10, p9")
    }

    @Test func aHistogramCountsUpToEachBound() {
        var histogram = HistogramTable("h_seconds", "H.", by: "outcome", bounds: [0.1, 1])
        for seconds in [0.05, 0.1, 0.5, 7] { histogram.observe(seconds, "served") }
        let samples = histogram.family.samples
        #expect(samples.map(\.value) == [2, 3, 4, 7.65, 4])
        #expect(samples.map(\.suffix) == ["_bucket", "_bucket", "_bucket", "_sum", "_count"])
        #expect(samples[2].labels == [.init("outcome", "served"), .init("le", "+Inf")])
        for index in 0..<2_000 { histogram.observe(1, "o\(index)") }
        #expect(histogram.family.samples.count == 5 * (MetricFamily.seriesMax + 1))
    }

    @Test func aHistogramWithoutALabelIsThereBeforeItsFirstValue() {
        #expect(HistogramTable("h_seconds", "H.", bounds: [1]).family.samples.map(\.value) == [0, 0, 0, 0])
    }
}
