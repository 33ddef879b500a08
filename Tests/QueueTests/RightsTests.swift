import EventLoop
import QueueCore
import TestSupport
import Testing

@testable import Queue

/// A fleet as the user of docs/operate/running.md: Redis logs each command that the user has no right to.
@Suite struct RightsTests {
    @Test func theDocumentedRightsAreAllThatIsUsed() throws {
        let server = try RedisServer(variant: .acl)
        let fleet = try LiveFleet(slots: 1, server: server, query: "?db=3")
        defer { fleet.end() }
        let waiter = fleet.enqueue(alias: "me", keepSeconds: 1)
        fleet.wait { fleet.gateway.grants[waiter] != nil }
        let grant = try #require(fleet.gateway.grants[waiter])
        #expect(fleet.accept(grant) == .accepted(keepSeconds: 1))
        let behind = fleet.enqueue(run: "ci")
        fleet.wait { fleet.gateway.tickets[behind] != nil }
        var cancelled = false
        fleet.client.cancel(behind, tenant: "acme", lease: nil, dialed: false) { cancelled = true }
        fleet.wait { cancelled }
        fleet.registry.release(grant.lease, slot: 0, token: grant.token)
        fleet.registry.ready(slot: 0, token: grant.token)
        let endpoint = try server.endpoint("?db=3")
        let (orders, inspector) = (
            FleetOperator(loop: fleet.loop, endpoint: endpoint, fleet: "test"),
            Inspector(loop: fleet.loop, endpoint: endpoint, fleet: "test")
        )
        var (policy, isPaused, wanted) = (String?.none, false, [String: Int]?.none)
        orders.pause("echo") { isPaused = (try? $0.get()) != nil }
        inspector.evictionPolicy { policy = (try? $0.get()) ?? "" }
        inspector.slotsWanted { wanted = (try? $0.get()) ?? [:] }
        fleet.wait { policy != nil && isPaused && wanted != nil }
        #expect(policy == "noeviction")
        #expect(fleet.audit() == [])
        orders.close()
        inspector.close()
        #expect(BlockingConnection(unix: server.path)(["ACL", "LOG"]) == .list([]))
    }
}
