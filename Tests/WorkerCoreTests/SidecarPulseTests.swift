import Testing
import WorkerCore

@Suite struct SidecarPulseTests {
    private func view(stuck: Bool = false, heldBack: Bool = false, mayPing: Bool = true) -> SidecarPulse.View {
        SidecarPulse.View(isStuck: stuck, isHeldBack: heldBack, mayPing: mayPing)
    }

    @Test func aQuietSidecarIsAskedAndItsAnswerCounts() {
        var pulse = SidecarPulse(now: 0)
        #expect(pulse.look(view(), now: 14_999) == .none)
        #expect(pulse.look(view(), now: 15_000) == .ping)
        #expect(pulse.look(view(), now: 44_999) == .none, "one ping is enough")
        pulse.heard(now: 44_999)
        #expect(pulse.look(view(), now: 45_000) == .none)
        #expect(pulse.look(view(), now: 59_999) == .ping)
    }

    @Test func aSidecarThatDoesNotAnswerIsFrozen() {
        var pulse = SidecarPulse(now: 0)
        #expect(pulse.look(view(), now: 20_000) == .ping)
        #expect(pulse.look(view(), now: 50_000) == .frozen)
    }

    @Test func aSidecarThatDoesNotReadNeedsNoPing() {
        var pulse = SidecarPulse(now: 0)
        #expect(pulse.look(view(stuck: true, mayPing: false), now: 20_000) == .none)
        #expect(pulse.look(view(stuck: true), now: 50_000) == .frozen)
    }

    @Test func aClientThatDoesNotReadHidesItsSidecar() {
        var pulse = SidecarPulse(now: 0)
        #expect(pulse.look(view(heldBack: true), now: 20_000) == .none)
        #expect(pulse.look(view(), now: 34_999) == .none)
        #expect(pulse.look(view(), now: 35_000) == .ping)
        #expect(pulse.look(view(heldBack: true), now: 65_000) == .none, "the answer may be among what is not read")
    }

    @Test func noPingGoesIntoTheMiddleOfAMessage() {
        var pulse = SidecarPulse(now: 0)
        #expect(pulse.look(view(mayPing: false), now: 60_000) == .none)
        #expect(pulse.look(view(), now: 60_001) == .ping)
    }
}
