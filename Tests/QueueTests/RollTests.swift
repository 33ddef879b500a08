import Foundation
import QueueCore
import Testing

extension Outcome {
    /// A roll's listings as words: from, through, ids.
    var listings: [[String]] {
        values[0].list.map { [$0.list[0].string, $0.list[1].string] + $0.list[2].strings }
    }
}

extension WaiterRoll {
    mutating func heard(_ listings: [[String]], _ entries: [Entry]) -> Judgement {
        heard(
            listings.map { Listing(from: $0[0], through: $0[1], ids: Array($0.dropFirst(2)))! }, entries)
    }
}

/// What a gateway and Redis know of its waiters, compared at each renew.
@Suite struct RollTests {
    let fleet = Fleet()

    private var prefix: String { fleet.keys.prefix }

    private func entries(_ ids: [String]) -> [WaiterRoll.Entry] {
        ids.map { WaiterRoll.Entry(id: WaiterID($0)!, standing: .waiting) }
    }

    /// A gateway of a fleet with a pool that serves nobody yet.
    private func gateway() -> Caller {
        let gateway = fleet.gateway()
        fleet.register(Caller("worker", "w"), pools: ["x|||raw"])
        fleet.auditsEachStep = false
        return gateway
    }

    /// One waiter in each of 256 parts of the ids.
    private func everywhere(_ gateway: Caller) -> [String] {
        (0..<256).map { at in
            let id = WaiterID(high: UInt64(at) << 56, low: 7).text
            #expect(fleet.enqueue(gateway, id).status == "queued")
            return id
        }
    }

    private func compare(_ roll: inout WaiterRoll, _ g: Caller, _ entries: [WaiterRoll.Entry]) -> (
        WaiterRoll.Judgement, listings: [[String]]
    ) {
        let reply = fleet.run("roll", g, roll.ask(entries))
        #expect(reply.status == "ok")
        return (roll.heard(reply.listings, entries), reply.listings)
    }

    @Test func whereBothAgreeOnlyTheRotationIsListed() {
        let g = gateway()
        let all = entries(everywhere(g))
        var roll = WaiterRoll()
        for _ in 0..<65 {
            let (judgement, listings) = compare(&roll, g, all)
            #expect(judgement == .init() && listings.count == 1)
            #expect(listings[0].count == 2 + 4)
        }
    }

    @Test(arguments: ["enqueue", "cancel"]) func anyOneLostCommitIsFoundInTwoRenews(_ lost: String) {
        let g = gateway()
        var ids = everywhere(g)
        let before = fleet.snapshot()
        let strange = WaiterID(high: 0x77 << 56, low: 8).text
        if lost == "enqueue" {
            fleet.enqueue(g, strange)
        } else {
            fleet.cancel(g, ids[0x30])
        }
        // The gateway's record, too, is newer than what came back: no commit number tells of it.
        let commit = fleet.field("gateway:\(g.id):call", "commit")
        fleet.restore(before)
        fleet.write("gateway:\(g.id):call", "commit", commit)
        let gone = lost == "enqueue" ? strange : ids[0x30]
        if lost == "enqueue" { ids.append(strange) } else { ids.remove(at: 0x30) }
        var roll = WaiterRoll()
        let first = compare(&roll, g, entries(ids)).0
        let second = compare(&roll, g, entries(ids)).0
        if lost == "enqueue" {
            #expect(first == .init() && second.lost.map(\.text) == [gone])
        } else {
            #expect(first.strangers.map(\.text) == [gone])
            fleet.cancel(g, gone)
            #expect(compare(&roll, g, entries(ids)).0 == .init())
        }
    }

    /// Slices are counted eight at a time, and where a group of them ends moves with the rotation.
    @Test(arguments: [(8, 4), (8, 32), (36, 8), (252, 0), (0, 252)])
    func whatIsLostInOneSliceAndStrangeInAnotherIsFoundInNineRenews(_ lost: Int, _ strange: Int) {
        let g = gateway()
        var ids = everywhere(g)
        let stranger = ids.remove(at: strange)
        let missing = WaiterID(high: UInt64(lost) << 56, low: 8).text
        var roll = WaiterRoll()
        var found: (lost: Set<String>, strangers: Set<String>) = ([], [])
        for _ in 0..<9 {
            let judgement = compare(&roll, g, entries(ids + [missing])).0
            found.lost.formUnion(judgement.lost.map(\.text))
            found.strangers.formUnion(judgement.strangers.map(\.text))
        }
        #expect(found == ([missing], [stranger]))
    }

    @Test func moreThanOneListingHoldsIsListedToItsEnd() {
        let g = gateway()
        let ids = (0..<700).map { WaiterID(high: 0x40 << 56, low: UInt64($0)).text }
        for id in ids where id != ids[600] { fleet.enqueue(g, id) }
        var roll = WaiterRoll()
        var lost: Set<String> = []
        for _ in 0..<8 { lost.formUnion(compare(&roll, g, entries(ids)).0.lost.map(\.text)) }
        #expect(lost == [ids[600]], "700 in one slice, one of them lost")
    }

    @Test func whatDiffersEverywhereIsListedInTurn() {
        let g = gateway()
        let all = entries(everywhere(g))
        var roll = WaiterRoll()
        var listed: Set<Substring> = []
        for _ in 0..<64 {
            let counts = Array(repeating: "9", count: QueueLimits.rollSlices).joined(separator: ",")
            let reply = fleet.run("roll", g, [counts, roll.ask(all)[1]])
            #expect(reply.listings.count <= QueueLimits.rollListingsMax)
            for listing in reply.listings { listed.insert(listing[0].prefix(2)) }
        }
        #expect(listed.count == QueueLimits.rollSlices)
    }

    @Test func oddWordsAreRefused() {
        let g = fleet.gateway()
        let counts = Array(repeating: "0", count: QueueLimits.rollSlices).joined(separator: ",")
        for words in [
            ["1,2", "00"], [counts + ",0", "00"], [counts, "0"], [counts, "zz"], [counts],
            [counts, "00,04,08,0c,10,14"],
            [counts, String(repeating: "0", count: 33)], [counts.replacingOccurrences(of: "0", with: "x"), "00"],
        ] {
            #expect(fleet.run("roll", g, words).status == "bad", "\(words)")
        }
        #expect(fleet.run("roll", g, [counts, ""]).status == "ok")
    }
}
