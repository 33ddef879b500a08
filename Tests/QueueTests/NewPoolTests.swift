import QueueCore
import Testing

@Suite struct NewPoolTests {
    let fleet = Fleet()

    /// Selectors are older than the pool: the pool finds them when it first appears.
    @Test func aPoolNewToTheFleetServesWhoWaitsAlready() {
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        _ = fleet.worker("w1", pools: ["a:b|||raw"], probedBy: g)
        fleet.enqueue(g, fleet.newWaiter(), tenant: "b", "a:b|||raw")
        let any = fleet.newWaiter()
        let pattern = fleet.newWaiter()
        #expect(fleet.enqueue(g, any, "|||raw").status == "queued")
        #expect(fleet.enqueue(g, pattern, "a:*|||raw").status == "queued")
        _ = fleet.worker("w2", pools: ["a:c|||raw"], probedBy: g)
        #expect(fleet.look().waiters[any]?.state == "granted")
        #expect(fleet.look().waiters[pattern]?.state == "queued")
        _ = fleet.worker("w3", pools: ["a:d|chromium|1.1|raw"], probedBy: g)
        #expect(fleet.look().waiters[pattern]?.state == "granted")
        _ = ear
    }
}
