import EventLoop
import QueueCore
import TestSupport
import Testing

@testable import Queue

/// The fleet's keys move to another node of a cluster while gateways and workers are at work.
@Suite struct ClusterTests {
    /// What `test` hashes to, and where it is at first.
    private static let slot = "6918"
    private static let (home, next) = (1, 2)

    /// Lets a fleet with a session and a waiter live through `move`; both must go on.
    private func goesOn(_ cluster: RedisCluster, _ move: (LiveFleet, [BlockingConnection]) -> Void) throws {
        let fleet = try LiveFleet(slots: 1, server: RedisServer(cluster))
        defer { fleet.end() }
        let nodes = cluster.ports.map { BlockingConnection(port: $0) }
        let first = fleet.enqueue()
        fleet.wait { fleet.gateway.grants[first] != nil }
        let grant = try #require(fleet.gateway.grants[first])
        #expect(fleet.accept(grant) == .accepted())
        fleet.worker.rows = [SlotRow(slot: 0, state: .leased, lease: grant.lease, token: grant.token)]
        let second = fleet.enqueue()
        fleet.wait { fleet.gateway.tickets[second] != nil }
        #expect(nodes[Self.home](["CLUSTER", "COUNTKEYSINSLOT", Self.slot]) != .integer(0))
        move(fleet, nodes)
        #expect(nodes[Self.home](["CLUSTER", "COUNTKEYSINSLOT", Self.slot]) == .integer(0))
        fleet.registry.release(grant.lease, slot: 0, token: grant.token)
        fleet.registry.ready(slot: 0, token: grant.token)
        fleet.wait { fleet.gateway.grants[second] != nil }
        #expect(fleet.gateway.registeredAnew == 0, "nothing was lost")
        // The first question on an operator's connection may find that the keys have moved.
        fleet.wait { fleet.audit() == [] }
        // Wake-ups too: PUBLISH counts who listens at its own node.
        fleet.wait { nodes[Self.next](["PUBSUB", "NUMPAT"]) == .integer(0) && self.listens(nodes[Self.next]) }
    }

    private func listens(_ node: BlockingConnection) -> Bool {
        node(["PUBSUB", "CHANNELS", "berth:{test}:wake:*"]).list.count == 1
    }

    /// Redis moves keys one by one: until the slot is its new node's, no script can see all of them, and none begins.
    @Test func keyByKeyNothingIsHalfDone() throws {
        let cluster = try RedisCluster()
        try goesOn(cluster) { fleet, nodes in
            let ids = nodes.map { $0(["CLUSTER", "MYID"]).string }
            #expect(nodes[Self.next](["CLUSTER", "SETSLOT", Self.slot, "IMPORTING", ids[Self.home]]) == .text("OK"))
            #expect(nodes[Self.home](["CLUSTER", "SETSLOT", Self.slot, "MIGRATING", ids[Self.next]]) == .text("OK"))
            let before = fleet.gateway.notices.count
            let late = fleet.enqueue()
            fleet.wait { fleet.gateway.notices.count > before }
            #expect(fleet.gateway.notices.last?.contains("non local key") == true)
            let keys = nodes[Self.home](["CLUSTER", "GETKEYSINSLOT", Self.slot, "1000"]).strings
            #expect(!keys.contains { $0.contains(late.text) }, "not a key of it was written")
            let port = cluster.ports[Self.next]
            #expect(
                nodes[Self.home](["MIGRATE", "127.0.0.1", String(port), "", "0", "5000", "KEYS"] + keys) == .text("OK"))
            for node in [Self.next, Self.home] {
                #expect(nodes[node](["CLUSTER", "SETSLOT", Self.slot, "NODE", ids[Self.next]]) == .text("OK"))
            }
            fleet.wait { fleet.gateway.tickets[late] != nil }
        }
    }

    /// Valkey moves a slot at once.
    @Test func atomically() throws {
        try goesOn(try RedisCluster(program: RedisVariant.valkeyServer)) { _, nodes in
            let id = nodes[Self.next](["CLUSTER", "MYID"]).string
            let words = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", Self.slot, Self.slot, "NODE", id]
            #expect(nodes[Self.home](words) == .text("OK"))
            while nodes[Self.home](["CLUSTER", "COUNTKEYSINSLOT", Self.slot]) != .integer(0) {}
        }
    }
}
