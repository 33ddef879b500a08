import QueueCore
import Testing

extension WaiterRoll {
    /// Listings written `from through id …`.
    fileprivate mutating func heard(_ texts: [String], _ entries: [Entry]) -> Judgement {
        let listings = texts.map { text in
            let words = text.split(separator: " ").map(String.init)
            return Listing(from: words[0], through: words[1], ids: Array(words.dropFirst(2)))!
        }
        return heard(listings, entries)
    }
}

@Suite struct WaiterRollTests {
    private func id(_ high: UInt64, _ low: UInt64 = 0) -> WaiterID { WaiterID(high: high << 56, low: low) }

    private func entries(_ ids: [WaiterID], _ standing: WaiterRoll.Standing = .waiting) -> [WaiterRoll.Entry] {
        ids.map { WaiterRoll.Entry(id: $0, standing: standing) }
    }

    @Test func itCountsWhatRedisShouldHaveByTheTwoLeadingDigits() {
        var roll = WaiterRoll()
        let ask = roll.ask(
            entries([id(0x00), id(0x03), id(0x04), id(0xff)]) + entries([id(0xfc)], .deciding)
                + entries([id(0x08)], .unsettled))
        let counts = ask[0].split(separator: ",").compactMap { Int($0) }
        #expect(counts.count == QueueLimits.rollSlices)
        #expect(counts[0] == 2 && counts[1] == 1 && counts[2] == 0 && counts[63] == 2)
        #expect(counts.reduce(0, +) == 5)
    }

    @Test func theRotationListsEachSliceOnce() {
        var roll = WaiterRoll()
        let wishes = (0..<QueueLimits.rollSlices).map { _ in roll.ask([])[1] }
        #expect(Set(wishes).count == QueueLimits.rollSlices && wishes.contains("00") && wishes.contains("fc"))
        #expect(wishes.allSatisfy { $0.utf8.count == 2 })
    }

    /// Where slices are long: else the rests of the last ones would fill a renew, and nothing that differs were listed.
    @Test func theRotationStaysInASliceUntilItIsListedInFull() {
        var roll = WaiterRoll()
        let ids = (0..<4).map { id(0x04, $0) }
        #expect(roll.ask([])[1] == "04")
        _ = roll.heard(["04 \(ids[1]) \(ids[0]) \(ids[1])"], entries(ids))
        #expect(roll.ask([])[1] == "\(ids[1])")
        _ = roll.heard(["\(ids[1]) \(ids[2]) \(ids[1]) \(ids[2])"], entries(ids))
        #expect(roll.ask([])[1] == "\(ids[2])")
        _ = roll.heard(["\(ids[2]) end \(ids[2]) \(ids[3])"], entries(ids))
        #expect(roll.ask([])[1] == "08")
    }

    @Test func whoIsMissingIsAskedForBeforeWhereACutListingGoesOn() {
        var roll = WaiterRoll()
        let ids = (1..<4).map { id(0x04, $0) }
        _ = roll.ask([])
        _ = roll.heard(["04 \(ids[1]) \(ids[1])"], entries(ids))
        #expect(roll.ask([])[1] == "\(ids[1]),\(ids[0])", "the rotation's rest is behind it")
        let listings = ["\(ids[1]) end \(ids[1]) \(ids[2])", "\(ids[0]) end \(ids[1]) \(ids[2])"]
        #expect(roll.heard(listings, entries(ids)).lost == [ids[0]])
    }

    @Test func missingTwiceIsLostAndOnceIsNot() {
        var roll = WaiterRoll()
        let (here, gone) = (id(0x10), id(0x11))
        let all = entries([here, gone])
        #expect(roll.heard(["10 end \(here)"], all) == .init())
        #expect(roll.ask(all)[1].split(separator: ",").contains("\(gone)"), "its place is asked for at once")
        #expect(roll.heard(["10 end \(here)"], all).lost == [gone])
        #expect(roll.heard(["10 end \(here)"], all).lost == [], "told once")
    }

    @Test func whoWasListedInBetweenWasNotLost() {
        var roll = WaiterRoll()
        let one = id(0x10)
        let all = entries([one])
        #expect(roll.heard(["10 end"], all).lost == [])
        #expect(roll.heard(["10 end \(one)"], all).lost == [])
        #expect(roll.heard(["10 end"], all).lost == [])
    }

    @Test func anotherSlicesListingSaysNothing() {
        var roll = WaiterRoll()
        let all = entries([id(0x10)])
        for _ in 0..<3 { #expect(roll.heard(["20 end", "04 end"], all) == .init()) }
    }

    @Test func onlyThoseThatWaitAreJudged() {
        for standing in [WaiterRoll.Standing.deciding, .unsettled] {
            var roll = WaiterRoll()
            let all = entries([id(0x10)], standing)
            for _ in 0..<3 { #expect(roll.heard(["10 end"], all) == .init()) }
        }
    }

    @Test func whomNobodyKnowsIsAStrangerAtOnce() {
        var roll = WaiterRoll()
        let (stranger, active) = (id(0x12), id(0x13))
        let heard = roll.heard(["10 end \(stranger) \(active)"], entries([active], .unsettled))
        #expect(heard == .init(lost: [], strangers: [stranger]))
    }

    @Test func aListingThatWasCutJudgesWhatItCoversAndGoesOnFromThere() {
        var roll = WaiterRoll()
        let (first, last, beyond) = (id(0x10, 1), id(0x10, 5), id(0x10, 9))
        let all = entries([first, last, beyond, id(0x10, 3)])
        let cut = "10 \(last) \(first) \(last)"
        _ = roll.heard([cut], all)
        #expect(roll.ask(all)[1].split(separator: ",").contains("\(last)"))
        #expect(roll.heard([cut, "\(last) end \(last) \(beyond)"], all).lost == [id(0x10, 3)])
    }

    @Test func whatIsForgottenMustBeMissingTwiceAgain() {
        var roll = WaiterRoll()
        let all = entries([id(0x10)])
        _ = roll.heard(["10 end"], all)
        roll.forget()
        #expect(roll.heard(["10 end"], all).lost == [])
    }

    @Test func wishesAreBounded() {
        var roll = WaiterRoll()
        let all = entries((0..<256).map { id($0) })
        _ = roll.heard((0..<64).map { (($0 < 4 ? "0" : "") + String($0 * 4, radix: 16)) + " end" }, all)
        #expect(roll.ask(all)[1].split(separator: ",").count == QueueLimits.rollListingsMax)
    }

    @Test func nonsenseIsNotRead() {
        for from in ["", "1", "zz", "1G"] {
            #expect(WaiterRoll.Listing(from: from, through: "end", ids: []) == nil, "\(from)")
        }
        var roll = WaiterRoll()
        #expect(roll.heard(["10 end zz \(id(0x10))"], []) == .init(strangers: [id(0x10)]))
    }
}
