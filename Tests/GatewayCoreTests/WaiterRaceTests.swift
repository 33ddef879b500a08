import QueueCore
import Testing

@testable import GatewayCore

/// Interleavings that need more than one event, each named by what must come out.
@Suite struct WaiterRaceTests {
    private func run(_ situation: Situation, _ events: Event..., now: UInt64 = 10) -> (Waiter, [String]) {
        var waiter = situation.waiter
        let actions = events.map { $0.happen(to: &waiter, now: now).short }
        return (waiter, actions)
    }

    @Test func grantOvertakesItsEnqueuesReply() {
        let (waiter, actions) = run(.idle, .begin, .grant, .grantedInReply, .dialBegan, .grant)
        #expect(actions == ["enqueue", "dial(1)", "", "", ""])
        #expect(waiter.state.short == "dialing(1)")
        #expect(waiter.ticket == 77)
    }

    @Test func grantForAClientThatLeftWhileEnqueuingIsGivenBack() {
        let (_, actions) = run(.idle, .begin, .left, .grantedInReply, .grant)
        #expect(actions == ["enqueue", "cancel(any) end", "cancel(1)", "cancel(1)"])
    }

    @Test func failedDialKeepsTicketAndPlace() {
        let (waiter, actions) = run(.dialing, .unreachable, .requeued, .newerGrant)
        #expect(actions == ["reject(1,unreachable)", "", "dial(2)"])
        #expect(waiter.ticket == 77)
        #expect(waiter.attempt == 2)
    }

    @Test func newerGrantIsDialedWhenTheOlderDialEnded() {
        let (waiter, actions) = run(.dialing, .newerGrant, .unreachable, .leaseOver, .dialBegan, .proved)
        #expect(actions == ["", "reject(1,unreachable)", "dial(2)", "", "relay"])
        #expect(waiter.state.short == "active(2)")
    }

    @Test func oldAttemptsAreNotDialedAgain() {
        let (waiter, actions) = run(.waiting, .newerGrant, .dialBegan, .unreachable, .requeued, .grant, .newerGrant)
        #expect(actions == ["dial(2)", "", "reject(2,unreachable)", "", "", ""])
        #expect(waiter.state == .waiting)
    }

    /// Redis lost the grant with its verdict, and counts the attempt once more.
    @Test func aGrantThatRedisLostAndMadeAgainUnderTheSameNameIsDialed() {
        var waiter = Situation.waiting.waiter
        _ = waiter.granted(.sample(1, token: 14))
        _ = waiter.dialBegan()
        _ = waiter.dialFailed(.rejected(.stale))
        _ = waiter.verdictReplied(.requeued, now: 1, freshID: waiterID(2))
        #expect(waiter.granted(.sample(1, token: 14)) == .none, "heard twice")
        #expect(waiter.granted(.sample(1, token: 15)).short == "dial(1)")
        #expect(waiter.granted(.sample(1, token: 15)) == .none)
    }

    /// Found in the simulator (seed 302396): with the grant Redis lost the number of its token, and gave both once more.
    @Test(arguments: [false, true])
    func aGrantThatRedisLostAndMadeAgainUnderTheSameTokenElsewhereIsDialed(beforeTheVerdictsReply: Bool) {
        var waiter = Situation.waiting.waiter
        _ = waiter.granted(.sample(1, worker: 1, token: 14))
        _ = waiter.dialBegan()
        #expect(waiter.granted(.sample(1, worker: 2, token: 14)) == .none, "one at a time")
        _ = waiter.dialFailed(.rejected(.failed))
        let elsewhere = Grant.sample(1, worker: 2, token: 14)
        if beforeTheVerdictsReply { #expect(waiter.granted(elsewhere) == .none) }
        let replied = waiter.verdictReplied(.requeued, now: 1, freshID: waiterID(2))
        #expect(waiter.granted(.sample(1, worker: 1, token: 14)) == .none, "heard twice")
        let dialed = beforeTheVerdictsReply ? replied : waiter.granted(elsewhere)
        #expect(dialed.short == "dial(1)")
        #expect(waiter.granted(elsewhere) == .none)
    }

    @Test func thirdDistinctWorkerIsTheLast() {
        var waiter = Situation.waiting.waiter
        var rejects: [String] = []
        for (attempt, worker) in [(1, 1), (2, 1), (3, 2), (4, 1), (5, 3)] as [(Int, UInt64)] {
            _ = waiter.granted(.sample(attempt, worker: worker))
            _ = waiter.dialBegan()
            rejects.append(waiter.dialFailed(.unreachable).short)
            if attempt < 5 { _ = waiter.verdictReplied(.requeued, now: 1, freshID: waiterID(2)) }
        }
        #expect(rejects.map { $0.hasSuffix("final)") } == [false, false, false, false, true])
        #expect(waiter.verdictReplied(.nobodyElse, now: 1, freshID: waiterID(2)).client == .end(.workersFailed))
    }

    @Test func aStaleTokenBlamesNoWorker() {
        var waiter = Situation.waiting.waiter
        for attempt in 1...3 {
            _ = waiter.granted(.sample(attempt))
            _ = waiter.dialBegan()
            _ = waiter.dialFailed(.rejected(.stale))
            _ = waiter.verdictReplied(.requeued, now: 1, freshID: waiterID(2))
        }
        _ = waiter.granted(.sample(4))
        _ = waiter.dialBegan()
        #expect(waiter.dialFailed(.unreachable).short == "reject(4,unreachable)")
    }

    /// The worker tells the gateway before Redis, and may be gone before Redis heard: then nobody put the waiter back.
    @Test func aWorkersVerdictThatNeverReachedRedisCostsNoPlace() {
        let (waiter, actions) = run(.dialing, .workerRejected, .leaseOver)
        #expect(actions == ["reject(1,failed)", "enqueue"])
        #expect(waiter.ticket == 77)
        #expect(waiter.attempt == 1)
    }

    @Test(arguments: [
        ([Event.deadline, .unreachable, .requeued], "expire(any)"),
        ([.unreachable, .deadline], "expire(any)"),
        ([.deadline, .workerRejected, .requeued], "expire(any)"),
        ([.deadline, .newerGrant, .workerRejected, .requeued], "expire(2)"),
        ([.deadline, .local, .newerGrant, .requeued], "expire(2)"),
        ([.deadline, .unreachable, .nobodyElse], "end"),
        ([.deadline, .proved], "relay"),
    ])
    func deadlineLetsTheDialEndFirst(_ events: [Event], _ last: String) {
        var waiter = Situation.dialing.waiter
        let actions = events.map { $0.happen(to: &waiter, now: 1_000).short }
        #expect(actions.first == "" || events.first == .unreachable)
        #expect(actions.last == last)
    }

    /// Its grant and its end cross.
    @Test func aGrantThatComesWhileRedisIsAskedWhyThereWasNoneIsGivenBack() {
        let (waiter, actions) = run(.waiting, .deadline, .grant, .explained)
        #expect(actions == ["expire(any)", "cancel(1)", "end"])
        #expect(waiter.state.short == "ended(capacity)")
    }

    @Test func redisIsAskedForAWorkerAtEachCheckUntilTheDeadline() {
        var waiter = Situation.waiting.waiter
        #expect(waiter.nextCheck == 400)
        #expect(waiter.deadlinePassed(now: 399) == .none, "early")
        #expect(waiter.deadlinePassed(now: 410).short == "expireIfUnserved")
        #expect(waiter.nextCheck == 810)
        #expect(waiter.explained(Obstacle(.capacity), of: waiterID(1)) == .none, "it waits on")
        #expect(waiter.deadlinePassed(now: 810).short == "expireIfUnserved")
        #expect(waiter.nextCheck == 1_000)
        #expect(waiter.deadlinePassed(now: 1_000).short == "expire(any)")
        // The older question's answer names the reason too.
        #expect(waiter.explained(Obstacle(.paused), of: waiterID(1)).short == "end")
    }

    @Test func anAnswerAboutAnOlderIDEndsNothing() {
        let (waiter, actions) = run(.waiting, .check, .anew, .queued, .unserved)
        #expect(actions == ["expireIfUnserved", "enqueue", "", ""])
        #expect(waiter.state == .waiting)
    }

    @Test func withoutASettingTheFirstCheckIsTheDeadline() {
        #expect(Waiter(id: waiterID(1), now: 5, deadline: 1_000).nextCheck == 1_000)
        #expect(Waiter(id: waiterID(1), now: 5, deadline: 1_000, noWorkerWait: 2_000).nextCheck == 1_000)
    }

    @Test(arguments: [
        ([Event.drainTime, .unreachable, .requeued], "move(any)"),
        ([.drainTime, .workerRejected, .requeued], "move(any)"),
        ([.drainTime, .proved], "relay"),
    ])
    func drainLetsTheDialEndFirst(_ events: [Event], _ last: String) {
        var waiter = Situation.dialing.waiter
        let actions = events.map { $0.happen(to: &waiter).short }
        #expect(actions.last == last)
        guard last != "relay" else { return }
        #expect(waiter.state == .expiring)
        #expect(Event.unexplained.happen(to: &waiter).short == "end")
        #expect(waiter.state == .ended(.shuttingDown))
    }

    @Test func aDrainWithoutRedisEndsAtItsSecondCall() {
        var waiter = Situation.waiting.waiter
        #expect(Event.drainTime.happen(to: &waiter).short == "move(any)")
        #expect(Event.drainTime.happen(to: &waiter).short == "end")
        #expect(waiter.state == .ended(.shuttingDown))
    }

    @Test func registeredAnewWhileWaitingGoesOnUnderANewID() {
        let (waiter, actions) = run(.waiting, .anew, .grant)
        #expect(actions == ["enqueue", "cancel(1)"])
        #expect(waiter.id == waiterID(2))
        #expect(waiter.ticket == 77)
    }

    @Test(arguments: [
        ([Event.anew, .unreachable, .leaseOver], "enqueue", true),
        ([.unreachable, .anew, .leaseOver], "enqueue", true),
        ([.anew, .workerRejected, .leaseOver], "enqueue", true), ([.anew, .unreachable, .requeued], "", false),
        ([.anew, .proved], "relay", false), ([.anew, .unreachable, .nobodyElse], "end", false),
        ([.unreachable, .leaseOver], "enqueue", true), ([.workerRejected, .requeued], "", false),
    ])
    func registeredAnewWhileDialing(_ events: [Event], _ last: String, _ isFresh: Bool) {
        var waiter = Situation.dialing.waiter
        let actions = events.map { $0.happen(to: &waiter).short }
        #expect(actions.last == last)
        #expect(waiter.id == waiterID(isFresh ? 2 : 1))
        #expect(waiter.ticket == 77)
        if isFresh { #expect(waiter.attempt == 1) }
    }

    @Test func outageEndsOnlyWhoWasNeverTaken() {
        #expect(run(.enqueuing, .storeAway).1 == ["cancel(any) end"])
        #expect(run(.waiting, .storeAway).1 == [""])
        #expect(run(.waiting, .anew, .storeAway).1 == ["enqueue", ""])
    }

    @Test func clientThatLeftMidDialIsNeverGrantedAgain() {
        let (waiter, actions) = run(.dialing, .left, .unreachable, .leaseOver, .newerGrant)
        #expect(actions == ["cancel(1,dialed) end", "", "", "cancel(2)"])
        #expect(waiter.state == .ended(.left))
    }

    /// Whoever hears of it first, the wait ends once, and what Redis may still hold is cancelled.
    @Test(arguments: [
        ([Event.begin, .endedOutside, .goneInReply], ["enqueue", "cancel(any) end", ""]),
        ([.begin, .goneInReply, .endedOutside], ["enqueue", "end", ""]),
        ([.begin, .endedOutside, .grantedInReply], ["enqueue", "cancel(any) end", "cancel(1)"]),
        ([.begin, .queued, .left, .endedOutside], ["enqueue", "", "cancel(any) end", ""]),
        ([.begin, .queued, .endedOutside, .left], ["enqueue", "", "cancel(any) end", ""]),
        ([.begin, .queued, .endedOutside, .grant], ["enqueue", "", "cancel(any) end", "cancel(1)"]),
        ([.begin, .grant, .endedOutside, .dialBegan, .proved], ["enqueue", "dial(1)", "cancel(1) end", "", ""]),
        (
            [.begin, .grant, .dialBegan, .endedOutside, .proved],
            ["enqueue", "dial(1)", "", "cancel(1,dialed) end", ""]
        ),
        ([.begin, .grant, .dialBegan, .proved, .endedOutside], ["enqueue", "dial(1)", "", "relay", ""]),
        (
            [.begin, .grant, .dialBegan, .workerRejected, .goneByVerdict, .endedOutside],
            ["enqueue", "dial(1)", "", "reject(1,failed)", "end", ""]
        ),
        (
            [.begin, .grant, .dialBegan, .workerRejected, .endedOutside, .goneByVerdict],
            ["enqueue", "dial(1)", "", "reject(1,failed)", "cancel(any) end", ""]
        ),
        ([.begin, .queued, .endedOutside, .deadline, .anew], ["enqueue", "", "cancel(any) end", "", ""]),
    ])
    func endedFromOutside(_ events: [Event], _ expected: [String]) {
        var waiter = Situation.idle.waiter
        #expect(events.map { $0.happen(to: &waiter).short } == expected)
    }

    @Test func everyPairOfEventsKeepsTheRules() {
        for situation in Situation.allCases {
            for first in Event.allCases {
                for second in Event.allCases {
                    var waiter = situation.waiter
                    let before = waiter.state
                    _ = first.happen(to: &waiter)
                    let between = waiter.state
                    let action = second.happen(to: &waiter)
                    // An end is final, a session is never taken back, and an end is told once.
                    if case .ended = between { #expect(waiter.state == between && action.client == .none) }
                    if case .active = between, case .active = before {
                        switch waiter.state {
                        case .active, .finished: break
                        default: Issue.record("\(situation), \(first), \(second)")
                        }
                    }
                }
            }
        }
    }
}
