import QueueCore
import Testing

@testable import GatewayCore

/// Testing has an `Attachment` too.
typealias Attaching = GatewayCore.Attachment

@Suite struct AttachmentTests {
    private let grant = QueueCore.Grant(
        lease: LeaseID(waiter: waiterID(1), attempt: 1), worker: ProcessID(node: "w", generation: 1)!, slot: 0,
        address: "127.0.0.1:1", pool: "A|||raw", token: Token(epoch: 1, number: 5), attach: 2)
    private var granted: AttachReply { .granted(grant, tenant: "acme") }

    private func asked() -> Attaching {
        var attachment = Attaching()
        #expect(attachment.begin() == Attaching.Action(queue: .attach))
        return attachment
    }

    private func dialing() -> Attaching {
        var attachment = asked()
        expect(attachment.replied(granted) == Attaching.Action(client: .dial(grant)))
        return attachment
    }

    private func reject(_ reason: RejectReason, _ end: Attaching.End?) -> Attaching.Action {
        Attaching.Action(
            queue: .reject(grant.lease, attach: 2, reason), client: end.map { .end($0) } ?? Attaching.ClientAction.none)
    }

    @Test func aWorkersProofBeginsTheRelay() {
        var attachment = dialing()
        expect(attachment.dialBegan() == .none)
        expect(attachment.proved() == Attaching.Action(client: .relay(grant)))
        for late in [attachment.clientLeft(), attachment.deadlinePassed(), attachment.dialFailed(.unreachable)] {
            #expect(late == .none)
        }
    }

    @Test(arguments: [
        (AttachReply.alreadyAttached, Attaching.End.alreadyAttached), (.forbidden, .forbidden), (.gone, .gone),
    ])
    func aRefusalOfRedisEndsIt(_ reply: AttachReply, _ end: Attaching.End) {
        var attachment = asked()
        expect(attachment.replied(reply) == Attaching.Action(client: .end(end)))
        #expect(end.refusal != nil)
    }

    @Test func itAsksAgainWhileRedisRecovers() {
        var attachment = asked()
        expect(attachment.replied(.recovering) == Attaching.Action(client: .pause))
        expect(attachment.pauseOver() == Attaching.Action(queue: .attach))
        expect(attachment.replied(granted) == Attaching.Action(client: .dial(grant)))
    }

    @Test func aPauseThatEndsAfterTheClientChangesNothing() {
        var attachment = asked()
        _ = attachment.replied(.recovering)
        expect(attachment.clientLeft() == Attaching.Action(client: .end(.left)))
        expect(attachment.pauseOver() == .none)
    }

    @Test(arguments: [
        (Dial.Failure.unreachable, RejectReason.unreachable), (.local, .local), (.rejected(.occupied), .occupied),
    ])
    func aFailedDialGivesItsVerdictAndRefuses(_ failure: Dial.Failure, _ reason: RejectReason) {
        var attachment = dialing()
        _ = attachment.dialBegan()
        expect(attachment.dialFailed(failure) == reject(reason, .dialFailed))
        expect(attachment.proved() == .none)
    }

    /// Before the worker was called, nothing can be wrong with the slot.
    @Test func aClientThatLeavesDuringTheDialGivesAVerdict() {
        var early = dialing()
        expect(early.clientLeft() == reject(.local, .left))
        var late = dialing()
        _ = late.dialBegan()
        expect(late.clientLeft() == reject(.failed, .left))
    }

    @Test func aGrantForAClientThatLeftIsGivenBack() {
        var attachment = asked()
        expect(attachment.deadlinePassed() == Attaching.Action(client: .end(.timedOut)))
        expect(attachment.replied(granted) == reject(.local, nil))
    }

    @Test func theGatewaysDrainTimeEndsIt() {
        var attachment = asked()
        expect(attachment.drainTimePassed() == Attaching.Action(client: .end(.shuttingDown)))
        #expect(Attaching.End.left.refusal == nil)
    }
}
