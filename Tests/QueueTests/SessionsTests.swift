import QueueCore
import Testing

@testable import Queue

/// A tenant finds its sessions and waiters by id, alias, run and ticket, and sees no others.
@Suite struct SessionsTests {
    let fleet = Fleet()

    private func sessions(_ what: String, _ subject: String, tenant: String = "a") -> [SessionRecord] {
        SessionRecord.all(in: fleet.raw("sessions", ["", "0", "0", "0", "0", tenant, what, subject]).strings)
    }

    private func place(_ name: String, tenant: String = "a", new selector: String = "") -> Place? {
        Place(reply: fleet.raw("place", ["", "0", "0", "0", "0", name, tenant, selector]).strings)
    }

    @Test func aSessionIsShownInEachOfItsStates() throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter(), run: "ci", alias: "me", keep: 60).grant!
        let id = grant.lease.description
        func state() -> String? { sessions("lease", id).first?.state }
        #expect(state() == "granted")
        fleet.reserve(g, grant)
        let reserved = try #require(sessions("lease", id).first)
        #expect(reserved.state == "reserved" && reserved.remainingMilliseconds == 30_000)
        #expect(reserved.run == "ci" && reserved.alias == "me" && reserved.pool?.label.description == "x")
        fleet.attach(g, grant.lease)
        #expect(state() == "attaching")
        fleet.accept(w, grant, attach: 1)
        #expect(state() == "accepted" && sessions("lease", id)[0].remainingMilliseconds == nil)
        fleet.keep(w, grant)
        #expect(state() == "kept" && sessions("lease", id)[0].remainingMilliseconds == 60_000)
        #expect(sessions("lease", id, tenant: "b").isEmpty && sessions("lease", "x.1").isEmpty)
    }

    @Test func aRunHasItsSessionsAndWaitersInOrder() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter(), run: "ci").grant!
        fleet.accept(w, grant)
        fleet.enqueue(g, fleet.newWaiter(), run: "ci", alias: "second")
        fleet.enqueue(g, fleet.newWaiter(), run: "other")
        let rows = sessions("run", "ci")
        #expect(rows.map(\.state) == ["accepted", "queued"] && rows.map(\.alias) == ["", "second"])
        #expect(rows[0].lease == grant.lease && rows[1].lease == nil)
        #expect(sessions("run", "ci", tenant: "b").isEmpty && sessions("run", "").isEmpty)
    }

    @Test func anAliasLeadsToItsWaiterInItsOwnTenantAlone() throws {
        let g = fleet.gateway()
        fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.enqueue(g, fleet.newWaiter())
        let waiter = fleet.newWaiter()
        fleet.enqueue(g, waiter, alias: "me")
        #expect(try #require(place("me")).waiter?.text == waiter)
        #expect(place("me", tenant: "b") == nil && place("you") == nil)
        #expect(fleet.finish(g, "waiter", "me", tenant: "b").status == "not_found")
        #expect(fleet.finish(g, "waiter", "me").status == "ok")
        #expect(place("me") == nil)
    }

    @Test func aNewClientWouldWaitBehindAllThatWaitAlready() throws {
        let g = fleet.gateway()
        #expect(place("", new: "x|||raw")?.reason == .noWorker)
        fleet.worker(pools: ["x|||raw"], probedBy: g)
        let free = try #require(place("", new: "x|||raw"))
        #expect(free.state == "new" && free.ahead == 0 && free.estimateMilliseconds == 0 && free.waiter == nil)
        fleet.enqueue(g, fleet.newWaiter())
        fleet.enqueue(g, fleet.newWaiter())
        let full = try #require(place("", new: "|||"))
        #expect(
            full.ahead == 1 && full.aheadOfTenant == 1 && full.reason == .capacity && full.estimateMilliseconds == nil)
        #expect(place("", tenant: "b", new: "|||")?.aheadOfTenant == 0)
        #expect(place("", new: "no selector") == nil)
    }

    @Test func aTicketNeedsNoTenantAndTellsIt() {
        let g = fleet.gateway()
        fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.reserve(g, grant)
        #expect(fleet.attach(g, grant.lease, tenant: "b").status == "forbidden")
        let attached = fleet.attach(g, grant.lease, tenant: "")
        #expect(attached.status == "granted" && attached.text(2) == "a")
    }
}
