import QueueCore
import Testing

@Suite struct SelectorLimitTests {
    let fleet = Fleet()

    /// A label falls back to a pool whatever its last segment: one tenant could else keep new labels from all others.
    @Test func selectorsThatNobodyWaitsInMakeRoomForNewOnes() {
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["a:b|||raw"], probedBy: g)
        fleet.auditsEachStep = false
        // Each is given up within the ten seconds that an unused selector stays linked.
        for number in 0..<QueueLimits.selectorsMax {
            let waiter = fleet.newWaiter()
            #expect(fleet.enqueue(g, waiter, tenant: "mallory", "a:b:s\(number)|||raw").status == "granted")
            fleet.cancel(g, waiter)
        }
        fleet.auditsEachStep = true
        #expect(fleet.enqueue(g, fleet.newWaiter(), tenant: "acme", "a:b:new|||raw").status == "granted")
        #expect(fleet.redis("SCARD", "berth:{t}:selectors") == .integer(QueueLimits.selectorsMax))
    }
}
