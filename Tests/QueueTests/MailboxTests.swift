import QueueCore
import Testing

@Suite struct MailboxTests {
    let fleet = Fleet()

    @Test func aFullMailboxIsCollectedOldestFirstInSlicesUntilAcknowledged() {
        let g = fleet.gateway()
        _ = fleet.worker(pools: Array(repeating: "x|||raw", count: 300), probedBy: g)
        fleet.auditsEachStep = false
        var granted: [String] = []
        for _ in 0..<300 {
            // The mailbox is sorted by milliseconds.
            fleet.advance(milliseconds: 1)
            granted.append(fleet.enqueue(g, fleet.newWaiter()).grant!.letter)
        }
        let slice = granted.prefix(256)
        for _ in 0..<2 {
            let first = fleet.collect(g)
            #expect(first.text(0) == "1", "there is more")
            #expect(first.grants.map(\.letter) == Array(slice), "kept until acknowledged")
        }
        let rest = fleet.collect(g, Array(slice))
        #expect(rest.text(0) == "0")
        #expect(rest.grants.map(\.letter) == Array(granted.dropFirst(256)))
        #expect(fleet.findings() == [])
    }
}
