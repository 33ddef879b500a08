import SimulatedFleet
import Testing

/// Floods in simulated time: each call takes 0.4 ms of Redis' one core.
@Suite struct FloodTests {
    /// The flood lasts 13 s of simulated time.
    private static let clientsEach = 2_000

    @Test func afterAFailoverNoConnectionIsLostAndEveryClientStandsInLine() throws {
        let flood = try Flood(gateways: 16, serviceMicroseconds: 400)
        let outcome = flood.afterAFailover(clientsEach: FloodTests.clientsEach)
        #expect(outcome.queued == 16 * FloodTests.clientsEach && outcome.refused == 0)
        #expect(outcome.connectionsLost == 0)
        // What Redis needs for it, and the pauses before the gateways connect again.
        #expect(outcome.took < Int64(16 * FloodTests.clientsEach) * 4 / 10 * 11 / 10 + 2_500, "\(outcome)")
    }

    /// Twice what Redis can do: its clients stay for 18 ms, so that 90 are connected at any time.
    @Test func aTenantWhoseClientsComeAndGoDelaysNoOther() throws {
        let flood = try Flood(gateways: 1, serviceMicroseconds: 400)
        let outcome = flood.comeAndGo(aSecond: 5_000, stay: 18, seconds: 4)
        #expect(outcome.othersWaitedMost <= 8, "8 calls of 0.4 ms, and the way there and back")
        #expect(outcome.callsAfter < 200, "what its last clients left, and no more")
        #expect(outcome.connectionsLost == 0)
        #expect(outcome.calls <= 10_100, "what one core can do")
    }
}
