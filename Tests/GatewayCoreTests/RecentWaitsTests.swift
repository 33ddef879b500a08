import Testing

@testable import GatewayCore

@Suite struct RecentWaitsTests {
    @Test func whatIsOlderThanTwoMinutesIsForgotten() {
        var recent = RecentWaits()
        recent.served(seconds: 9, now: 1_000)
        recent.refused("would_wait", now: 1_500)
        #expect(recent.waits(at: [0.5], now: 2_000) == [9] && recent.refusedShare(now: 2_000) == 0.5)
        #expect(recent.commonestRefusal(now: 2_000) == "would_wait" && recent.refusals(now: 2_000) == 1)
        #expect(recent.waits(at: [0.5], now: 121_000) == nil)
        #expect(recent.refusedShare(now: 121_000) == 0 && recent.commonestRefusal(now: 121_500) == nil)
    }

    @Test func theRateIsThatOfTheLastTenWholeSeconds() {
        var recent = RecentWaits()
        for second in 0..<20 { for _ in 0..<5 { recent.served(seconds: 0.1, now: UInt64(second) * 1_000) } }
        #expect(recent.servedPerSecond(now: 19_900) == 5, "the running second does not count")
        #expect(recent.servedPerSecond(now: 24_000) == 3 * 0.5 + 1.5)
        #expect(recent.servedPerSecond(now: 60_000) == 0)
    }

    @Test func percentilesAreThoseOfTheLastWaits() {
        var recent = RecentWaits()
        for index in 0..<10_000 { recent.served(seconds: Double(index), now: 5_000) }
        let waits = recent.waits(at: [0, 0.5, 0.99, 1], now: 5_000) ?? []
        #expect(waits.first == 5_904 && waits.last == 9_999, "the last 4,096")
        #expect(waits[1] == 7_952)
    }
}
