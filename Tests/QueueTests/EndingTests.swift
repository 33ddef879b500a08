import QueueCore
import Testing

/// A lease that somebody wants ended: its worker is told until it is gone.
@Suite struct EndingTests {
    let fleet = Fleet()

    init() {
        fleet.load(
            "end",
            body: """
                begin('operator')
                mark_ending(lease_row(ARGV[6]), ARGV[7])
                settle()
                return finish('ok')
                """)
    }

    @Test func eachRenewRepeatsItUntilTheLeaseIsGone() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let ear = fleet.listen(w)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        let held = [fleet.row(0, "leased", grant.token, grant.lease, tenant: "a")]
        #expect(fleet.renew(w, held).texts(0) == [])
        fleet.run("end", fleet.nobody, [grant.lease.description, "cancelled"])
        fleet.run("end", fleet.nobody, [grant.lease.description, "timeout"])
        let order = "close \(grant.lease) cancelled"
        #expect(ear.next().text == order)
        for _ in 0..<3 { #expect(fleet.renew(w, held).texts(0) == [order], "the first reason stays") }
        fleet.release(w, grant)
        #expect(fleet.renew(w, [fleet.row(0, "recycling", grant.token)]).texts(0) == [])
        #expect(fleet.look().waiters.isEmpty && fleet.look().held.isEmpty)
    }

    @Test func whoWasToEndIsNotPutBackByAReject() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        fleet.run("end", fleet.nobody, [grant.lease.description, "cancelled"])
        #expect(fleet.reject(byWorker: w, grant, .failed).status == "gone")
        #expect(fleet.collect(g).ends == ["\(grant.lease.waiter) cancelled"], "its gateway may still wait for it")
        fleet.collect(g, ["ended:\(grant.lease.waiter):cancelled"])
        #expect(fleet.look().waiters.isEmpty && fleet.look().held.isEmpty)
    }

    @Test func whoWasToEndIsNotPutBackByARowEither() {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw"], probedBy: g)
        let grant = fleet.enqueue(g, fleet.newWaiter()).grant!
        fleet.accept(w, grant)
        fleet.run("end", fleet.nobody, [grant.lease.description, "cancelled"])
        fleet.renew(w, [fleet.row(0, "recycling", grant.token)])
        fleet.collect(g, ["ended:\(grant.lease.waiter):cancelled"])
        #expect(fleet.look().waiters.isEmpty && fleet.look().held.isEmpty)
    }
}
