import Testing

@testable import GatewayCore

@Suite struct OldestFirstTests {
    private final class Item {}

    @Test func givesTheOldestFirst() {
        var line = OldestFirst<Item>()
        let (a, b, c) = (Item(), Item(), Item())
        expect(line.oldest() == nil)
        line.insert(a, now: 1)
        line.insert(b, now: 2)
        line.insert(c, now: 3)
        expect(line.oldest()?.element === a)
        expect(line.oldest()?.since == 1)
        expect(line.remove(b))
        expect(!line.remove(b))
        expect(line.remove(a))
        expect(line.oldest()?.element === c)
        // An element that comes again is the newest, whatever its old entry says.
        line.insert(a, now: 4)
        expect(line.oldest()?.element === c)
        expect(line.remove(c))
        expect(line.oldest()?.element === a)
        expect(line.count == 1)
    }

    @Test func isAsAListWouldBe() {
        var state: UInt64 = 7
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var line = OldestFirst<Item>()
        var list: [Item] = []
        for step in 0..<5_000 {
            if list.isEmpty || draw(100) < 45 {
                let item = Item()
                list.append(item)
                line.insert(item, now: UInt64(step))
            } else {
                let item = list.remove(at: draw(2) == 0 ? 0 : draw(list.count))
                line.remove(item)
            }
            expect(line.count == list.count)
            expect(line.oldest()?.element === list.first)
        }
    }

    @Test func keepsNothingOfWhatLeft() {
        var line = OldestFirst<Item>()
        weak var gone: Item?
        do {
            let item = Item()
            gone = item
            line.insert(item, now: 0)
            line.remove(item)
        }
        expect(gone == nil)
    }
}
