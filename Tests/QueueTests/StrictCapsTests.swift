import QueueCore
import Testing

/// What Redis does with a lease that is declared again while its tenant's places are taken.
@Suite struct StrictCapsTests {
    let fleet = Fleet()

    /// A worker that comes back after its TTL, with a session whose place was given to somebody else.
    private func comeBack(_ caps: CapsMode) -> (orders: [String], Caller, Grant) {
        let g = fleet.gateway()
        fleet.cap(g, "a", 1)
        let w = Caller("worker", "w")
        fleet.register(w, address: "w:1", pools: ["x|||raw"], caps: caps)
        fleet.probed(g, w, true)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        let ear = fleet.listen(g)
        fleet.live(12, [g])
        _ = fleet.worker("w2", pools: ["x|||raw"], probedBy: g)
        #expect(fleet.enqueue(g, fleet.newWaiter()).status == "granted")
        _ = ear
        let back = fleet.register(
            w, address: "w:1", pools: ["x|||raw"], caps: caps,
            rows: [fleet.row(0, "leased", grant.token, grant.lease, tenant: "a")])
        return (back.texts(0), w, grant)
    }

    private func over(_ lease: LeaseID) -> String {
        fleet.field("lease:\(lease)", "over")
    }

    @Test func aLenientWorkersSessionGoesOnAndIsMarked() {
        let (orders, _, grant) = comeBack(.lenient)
        #expect(orders == [] && over(grant.lease) == "1")
        #expect(fleet.look().held["a"]?.count == 2)
    }

    @Test func aStrictWorkersSessionIsClosed() {
        let (orders, w, grant) = comeBack(.strict)
        #expect(orders == ["close \(grant.lease) cap"])
        #expect(fleet.look().held["a"]?.count == 1)
        let held = [fleet.row(0, "leased", grant.token, grant.lease, tenant: "a")]
        #expect(fleet.renew(w, held).texts(0) == ["close \(grant.lease) ended"], "and told again")
        fleet.release(w, grant)
        #expect(fleet.look().slots[w.id]![0].state == "recycling")
        fleet.ready(w, grant)
        #expect(fleet.look().slots[w.id]![0].state == "free")
    }

    @Test func belowTheCapAStrictWorkersSessionGoesOn() {
        let g = fleet.gateway()
        let w = Caller("worker", "w")
        fleet.register(w, pools: ["x|||raw"], caps: .strict)
        fleet.probed(g, w, true)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        fleet.live(12, [g])
        let rows = [fleet.row(0, "leased", grant.token, grant.lease, tenant: "a")]
        #expect(fleet.register(w, pools: ["x|||raw"], caps: .strict, rows: rows).texts(0) == [])
        #expect(fleet.look().held["a"] == [grant.lease.description] && over(grant.lease) == "0")
    }
}
