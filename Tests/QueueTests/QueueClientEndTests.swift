import EventLoop
import QueueCore
import Testing

@testable import Queue

/// What gateway and worker hear of ends by request, and of leases that outlast a connection.
@Suite struct QueueClientEndTests {
    private func end(_ fleet: LiveFleet, _ target: EndTarget, tenant: String = "acme") -> EndReply? {
        var reply: EndReply?
        fleet.client.end(target, tenant: tenant) { reply = $0 }
        fleet.wait { reply != nil }
        return reply
    }

    private func attach(_ fleet: LiveFleet, _ lease: LeaseID, tenant: String = "acme") -> AttachReply? {
        var reply: AttachReply?
        let attachment = WaiterID(high: Crypto.randomUInt64(), low: 0)
        fleet.client.attach(to: lease, tenant: tenant, attachment: attachment) { reply = $0 }
        fleet.wait { reply != nil }
        return reply
    }

    @Test func aRunsEndIsToldToGatewayAndWorker() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let first = fleet.enqueue(run: "ci-1")
        fleet.wait { fleet.gateway.grants[first] != nil }
        let grant = try #require(fleet.gateway.grants[first])
        #expect(fleet.accept(grant) == .accepted())
        let second = fleet.enqueue(run: "ci-1", alias: "me")
        let third = fleet.enqueue(alias: "me")
        fleet.wait { fleet.gateway.refusals == [.aliasTaken] }
        _ = third
        #expect(end(fleet, .run("ci-1"), tenant: "other") == .ended(count: 0))
        #expect(end(fleet, .run("ci-1")) == .ended(count: 2))
        fleet.wait { fleet.gateway.ended == [second: .request] && fleet.worker.closed.contains(grant.lease) }
        #expect(end(fleet, .waiter(third.text)) == .notFound)
        fleet.registry.release(grant.lease, slot: 0, token: grant.token)
        fleet.registry.ready(slot: 0, token: grant.token)
        fleet.wait { fleet.slots(.free) == 1 }
        #expect(fleet.audit() == [])
    }

    @Test func aLentSlotIsAttachedToAndKept() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let waiter = fleet.enqueue(keepSeconds: 60)
        fleet.wait { fleet.gateway.grants[waiter] != nil }
        let grant = try #require(fleet.gateway.grants[waiter])
        var lent: ReserveReply?
        fleet.client.reserve(grant.lease, tenant: "acme") { lent = $0 }
        fleet.wait { lent != nil }
        #expect(lent == .reserved(milliseconds: QueueLimits.reserveMilliseconds))
        #expect(attach(fleet, grant.lease, tenant: "other") == .forbidden)
        for number in 1...2 {
            guard case .granted(let next, _)? = attach(fleet, grant.lease) else {
                Issue.record("not attached")
                return
            }
            #expect(next.attach == number && next.token == grant.token)
            #expect(attach(fleet, grant.lease) == .alreadyAttached)
            var reply: AcceptReply?
            fleet.registry.accept(next.lease, slot: 0, token: next.token, attach: number) { reply = $0 }
            fleet.wait { reply != nil }
            #expect(reply == .accepted(keepSeconds: 60))
            fleet.registry.keep(next.lease, slot: 0, token: next.token, attach: number)
            fleet.worker.rows = [SlotRow(slot: 0, state: .kept, lease: next.lease, token: next.token, attach: number)]
        }
        // Its worker declares it again after a loss, and it is attached to under the next number.
        fleet.server.kill()
        try fleet.server.start()
        fleet.wait {
            fleet.gateway.registeredAnew == 1 && fleet.view().slots.contains { $0.lease == grant.lease.description }
        }
        guard case .granted(let third, tenant: "acme")? = attach(fleet, grant.lease) else {
            Issue.record("not attached after the loss")
            return
        }
        #expect(third.attach == 3)
        var verdict: RejectReply?
        fleet.client.reject(grant.lease, tenant: "acme", attach: 3, reason: .local, final: false) { verdict = $0 }
        fleet.wait { verdict != nil }
        #expect(verdict == .detached)
        #expect(end(fleet, .lease(grant.lease)) == .ended(count: 1))
        fleet.wait { fleet.worker.closed.contains(grant.lease) }
        #expect(attach(fleet, grant.lease) == .gone)
        #expect(fleet.audit() == [])
    }
}
