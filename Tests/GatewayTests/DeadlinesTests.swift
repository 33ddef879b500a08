import EventLoop
import Testing

@testable import Gateway

private final class Item: HasDeadline {
    var deadline: UInt64 = 0
    var deadlineIndex: Int32 = -1
    let onPassed: (Item) -> Void
    init(_ onPassed: @escaping (Item) -> Void) { self.onPassed = onPassed }
    func deadlinePassed() { onPassed(self) }
}

@Suite struct DeadlinesTests {
    @Test func firesInOrderAndForgetsWhatWasRemoved() throws {
        let loop = try Loop()
        let deadlines = Deadlines<Item>(loop: loop)
        var fired: [UInt64] = []
        let items = (0..<100).map { _ in Item { fired.append($0.deadline) } }
        // Any order will do: 37 is prime to 101.
        for (index, item) in items.enumerated() { deadlines.set(item, at: loop.now + UInt64(index * 37 % 101)) }
        for item in items[..<30] { deadlines.remove(item) }
        for item in items[30..<40] { deadlines.set(item, at: loop.now + 50) }
        deadlines.remove(items[0])
        #expect(deadlines.count == 70)
        #expect(loop.run(until: { fired.count == 70 }, timeoutMilliseconds: 5_000))
        #expect(fired == fired.sorted())
        #expect(deadlines.count == 0)
        deadlines.close()
        #expect(loop.close())
    }

    @Test func takesAnEarlierOneThanTheOneItWaitsFor() throws {
        let loop = try Loop()
        let deadlines = Deadlines<Item>(loop: loop)
        var fired = 0
        let late = Item { _ in Issue.record("too early") }
        let early = Item { _ in fired += 1 }
        deadlines.set(late, at: loop.now + 60_000)
        deadlines.set(early, at: loop.now + 10)
        #expect(loop.run(until: { fired == 1 }, timeoutMilliseconds: 5_000))
        deadlines.close()
        #expect(loop.close())
    }
}
