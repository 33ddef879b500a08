import QueueCore
import Testing
import WorkerCore

@Suite struct SessionClockTests {
    private func limits(ttl: Int?, idle: Int?) -> SessionClock? {
        SessionClock(SessionBounds(ttlMilliseconds: ttl, idleMilliseconds: idle), now: 1_000)
    }

    @Test func aSessionWithoutLimitsHasNoClock() {
        #expect(limits(ttl: nil, idle: nil) == nil)
    }

    @Test func messagesMoveTheEndOfIdleAndNotOfTTL() throws {
        var clock = try #require(limits(ttl: 10_000, idle: 3_000))
        #expect(clock.end == (4_000, .idle))
        clock.messagePassed(now: 3_500)
        #expect(clock.end == (6_500, .idle))
        clock.messagePassed(now: 9_000)
        #expect(clock.end == (11_000, .ttl))
    }

    @Test func oneLimitIsEnough() throws {
        var ttl = try #require(limits(ttl: 5_000, idle: nil))
        ttl.messagePassed(now: 4_000)
        #expect(ttl.end == (6_000, .ttl))
        let idle = try #require(limits(ttl: nil, idle: 5_000))
        #expect(idle.end == (6_000, .idle))
    }
}
