import QueueCore
import Testing

@Suite struct LicenceTests {
    private let span = UInt64(QueueLimits.processTTLMilliseconds)

    @Test func itRunsFromTheSendingOfTheLastRenewThatWasAnswered() {
        var licence = Licence()
        #expect(licence.renewed(sentAt: 1_000) == .look(at: 1_000 + span))
        #expect(licence.renewed(sentAt: 3_000) == .nothing, "one look is due at a time")
        #expect(licence.looked(now: 1_000 + span) == .look(at: 3_000 + span))
        #expect(licence.looked(now: 3_000 + span - 1) == .look(at: 3_000 + span), "a timer may be early")
        #expect(licence.looked(now: 3_000 + span) == .endSessions)
        #expect(licence.state == .over)
    }

    @Test func anAnswerOutOfOrderShortensNothing() {
        var licence = Licence()
        _ = licence.renewed(sentAt: 5_000)
        _ = licence.renewed(sentAt: 3_000)
        #expect(licence.state == .valid(until: 5_000 + span))
    }

    @Test func sessionsEndOnceAndItStartsAnewWithTheNextAnswer() {
        var licence = Licence()
        #expect(licence.looked(now: 99_000) == .nothing, "never registered")
        _ = licence.renewed(sentAt: 0)
        #expect(licence.looked(now: span) == .endSessions)
        #expect(licence.looked(now: span + 1) == .nothing)
        #expect(licence.renewed(sentAt: 50_000) == .look(at: 50_000 + span))
    }

    /// The process stood still: the first look after it finds the end long over.
    @Test func aPauseEndsSessionsAtOnce() {
        var licence = Licence()
        _ = licence.renewed(sentAt: 0)
        #expect(licence.looked(now: 10 * span) == .endSessions)
    }
}
