import EventLoop
import QueueCore
import TestSupport
import Testing

@testable import Queue

/// An operator's order to drain: it counts at once, and neither a register anew nor lost data undoes it.
@Suite struct DrainTests {
    private let fleet = Fleet()

    private func states(_ worker: Caller) -> [String] { fleet.look().slots[worker.id]!.map(\.state) }

    @Test func anOrderNamesAProcessOrItsNode() {
        let worker = fleet.worker(pools: ["x|||raw"], probedBy: fleet.gateway())
        #expect(fleet.drain("elsewhere").texts(0) == [worker.id])
        #expect(fleet.drain("elsewhere").status == "unknown_worker")
        let node = String(ProcessID(worker.id)!.node)
        let byNode = fleet.drain(node)
        #expect(byNode.status == "ok" && byNode.text(0) == worker.id)
        #expect(fleet.drain(worker.id).text(0) == worker.id, "again, and by its full id")
        fleet.drain(worker, leave: true)
        #expect(fleet.drain(node).status == "unknown_worker")
    }

    @Test func theWorkerHearsItByMessageAndAtEachRenewUntilItDrains() {
        let worker = fleet.worker(pools: ["x|||raw"], probedBy: fleet.gateway())
        #expect(fleet.renew(worker).texts(0) == [])
        fleet.drain(worker)
        for _ in 0..<2 { #expect(fleet.renew(worker, [fleet.row(0, "free")]).texts(0) == ["drain"]) }
        #expect(fleet.renew(worker, [fleet.row(0, "recycling")], drains: true).texts(0) == [])
    }

    @Test func theOrderOutlivesTheEndOfAWorkerThatHasNotHeardIt() {
        let g = fleet.gateway()
        let worker = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.drain(worker)
        fleet.live(12, [g])
        #expect(fleet.look().slots[worker.id] == nil)
        #expect(fleet.register(worker, pools: ["x|||raw"]).texts(0) == ["drain"])
        fleet.probed(g, worker, true)
        #expect(states(worker) == ["draining"])
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "queued")
    }

    @Test func theNextProcessOfTheNodeHasNoOrder() {
        let g = fleet.gateway()
        let older = Caller("worker", "n", generation: 1)
        fleet.register(older, address: "h:1", pools: ["x|||raw"])
        fleet.drain("n")
        fleet.drain(older, leave: true)
        let newer = Caller("worker", "n", generation: 2)
        #expect(fleet.register(newer, address: "h:1", pools: ["x|||raw"]).texts(0) == [])
        #expect(states(newer) == ["free"])
        #expect(fleet.register(older, address: "h:1", pools: ["x|||raw"]).texts(0) == [], "an end ends the order")
        _ = g
    }

    @Test func theWorkersOwnWordOutlivesLostData() {
        let g = fleet.gateway()
        let worker = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(worker, grant)
        let before = fleet.snapshot()
        fleet.drain(worker)
        fleet.restore(before)
        #expect(states(worker) == ["leased", "free"])
        let rows = [fleet.row(0, "leased", grant.token, grant.lease, tenant: "a"), fleet.row(1, "recycling")]
        #expect(fleet.renew(worker, rows, drains: true).texts(0) == [])
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "queued")
        fleet.redis("FLUSHALL")
        fleet.setClock()
        fleet.register(worker, pools: ["x|||raw", "x|||raw"], drains: true, rows: rows)
        fleet.register(g)
        fleet.probed(g, worker, true)
        fleet.advance(milliseconds: 13_000)
        fleet.sweep(g)
        #expect(!states(worker).contains("free"))
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "queued")
    }

    @Test func forgottenOrdersLeaveNoKey() {
        let worker = fleet.worker(pools: ["x|||raw"], probedBy: fleet.gateway())
        let other = Caller("worker", "other")
        fleet.register(other, address: "h:2", pools: ["x|||raw"])
        fleet.drain(other)
        fleet.live(12, [worker])
        fleet.live(1, [worker])
        fleet.advance(milliseconds: 601_000)
        fleet.drain(worker)
        let key = fleet.keys.prefix + "drains"
        #expect(fleet.redis("ZRANGE", key, "0", "-1").strings == [worker.id])
        fleet.drain(worker, leave: true)
        #expect(fleet.redis("EXISTS", key) == .integer(0))
    }

    @Test func anOperatorDrainsALivingWorker() throws {
        let live = try LiveFleet(slots: 1)
        defer { live.end() }
        let boss = FleetOperator(loop: live.loop, endpoint: try live.server.endpoint(), fleet: "test")
        defer { boss.close() }
        func drain(_ name: String) -> Result<String, FleetOperator.Failure>? {
            var result: Result<String, FleetOperator.Failure>?
            boss.drain(name) { result = $0 }
            live.wait { result != nil }
            return result
        }
        let id = live.registry.id.text
        #expect(drain("nobody") == .failure(.unknownWorker("nobody", there: [id])))
        #expect(drain("a b") == .failure(.badName("a b")))
        #expect(try drain(id)?.get() == id)
        live.wait { live.worker.drains > 0 }
        live.wait { live.view().workers.contains { $0.isDraining } }
        let waiter = live.enqueue()
        live.wait { live.gateway.tickets[waiter] != nil }
        #expect(live.audit() == [])
    }
}
