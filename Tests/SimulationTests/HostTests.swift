import SimulatedRedis
import Testing

@Suite struct HostTests {
    @Test func isEmptyAtFirst() { #expect(SimulatedRedis(seed: 1).keys.isEmpty) }
}
