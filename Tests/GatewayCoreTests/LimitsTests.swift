import HTTPCore
import Testing

@testable import GatewayCore

@Suite struct LimitsTests {
    @Test func budgetHoldsBackWhatDiallingNeeds() {
        let budget = DescriptorBudget(openFilesMax: 1_024)
        #expect(budget.reserve == 256)
        #expect(budget.admits(parked: 703, relayed: 0))
        #expect(!budget.admits(parked: 704, relayed: 0))
        #expect(budget.admits(parked: 1, relayed: 351))
        #expect(!budget.admits(parked: 2, relayed: 351))
        #expect(budget.refusedMax == 128)
        #expect(DescriptorBudget(openFilesMax: 1_000_000).reserve == 4_096)
        #expect(DescriptorBudget(openFilesMax: 1_000_000).refusedMax == 256)
        #expect(DescriptorBudget(openFilesMax: 4).refusedMax == 1)
        #expect(budget.headsMax == 176, "a quarter of the room for clients")
        #expect(DescriptorBudget(openFilesMax: 4).headsMax == 1)
        #expect(DescriptorBudget(openFilesMax: 1_000_000).headsMax == DescriptorBudget.headsMax)
    }

    @Test func eachTenantHasItsOwnBoundOnConnections() {
        var occupancy = Occupancy(budget: DescriptorBudget(openFilesMax: 1_024))
        expect(limits(cap: 5).connectionsMax == 5 + 10 + 50)
        var few = limits()
        few.parkedMax = 2
        expect(few.connectionsMax == 2)
        let places = (0..<3).map { _ in
            expect(occupancy.accepted() == .stranger)
            return occupancy.enter("acme", max: few.connectionsMax)
        }
        expect(places == [.tenant("acme"), .tenant("acme"), nil])
        expect(occupancy.enter("beta", max: 1) == .tenant("beta"))
        // One waits and leaves, one is served and leaves: each makes room for one.
        occupancy.closed(.tenant("acme"))
        expect(occupancy.enter("acme", max: 2) != nil)
        occupancy.relayBegan()
        expect(occupancy.relayed == 1)
        expect(occupancy.enter("acme", max: 2) == nil)
        occupancy.relayEnded(.tenant("acme"))
        expect(occupancy.enter("acme", max: 2) != nil)
        expect(occupancy.enter("none", max: 0) == nil)
    }

    @Test func clientsBeyondTheBudgetAreCountedApart() {
        var occupancy = Occupancy(budget: DescriptorBudget(openFilesMax: 96))
        for _ in 0..<8 { expect(occupancy.accepted() == .stranger) }
        for _ in 0..<12 {
            expect(occupancy.mayAccept)
            expect(occupancy.accepted() == .beyondBudget)
        }
        expect(!occupancy.mayAccept)
        expect(occupancy.parked == 20)
        occupancy.closed(.beyondBudget)
        expect(occupancy.mayAccept)
        expect(occupancy.parked == 19)
    }

    @Test func retryFollowsTheRateOfGrants() {
        var rate = GrantRate()
        #expect((10...13).contains(rate.retryAfterSeconds(waiting: 100, now: 5, random: 999)))
        // Two a second for four minutes.
        for step in 0..<480 { rate.noteGrant(now: UInt64(step) * 500) }
        let now: UInt64 = 240_000
        #expect(abs(rate.rate(now: now) - 2) < 0.2)
        #expect((4...7).contains(rate.retryAfterSeconds(waiting: 9, now: now, random: 0)))
        #expect(rate.retryAfterSeconds(waiting: 0, now: now, random: 0) == 1)
        #expect(rate.retryAfterSeconds(waiting: 100_000, now: now, random: 999) == GrantRate.retrySecondsMax)
        #expect(rate.rate(now: now + 30_000) < 1.2)
        #expect(rate.rate(now: now + 3_000_000) < 0.05)
    }

    @Test(
        arguments: [
            ("", []), ("TQ==", [0x4D]), ("TWE=", [0x4D, 0x61]), ("TWFu", [0x4D, 0x61, 0x6E]),
            ("+/+/", [0xFB, 0xFF, 0xBF]),
            ("TQ=", nil), ("T===", nil), ("TQ=a", nil), ("TQ-_", nil), ("====", nil), ("TWFu\n", nil),
        ] as [(String, [UInt8]?)])
    func readsBase64(_ text: String, _ bytes: [UInt8]?) {
        #expect(base64Decoded(text) == bytes)
    }
}
