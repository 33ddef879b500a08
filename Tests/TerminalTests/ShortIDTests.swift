import QueueCore
import Testing

@testable import Terminal

@Suite struct ShortIDTests {
    private static let view = Fleets.view([
        Fleets.head(waiting: 3, oldest: 9), Fleets.worker(), Fleets.slot(0, "leased"), Fleets.slot(1, "leased"),
        ["waiter", Fleets.other, "acme", "x|||", "1", "1", "", "g.1"],
        ["waiter", "fedcba9876540000fedcba9876543210", "acme", "x|||", "2", "2", "", "g.1"],
    ])

    @Test func idsAreCutWhereTheyAreRandom() {
        #expect(
            ShortID.text(Fleets.waiter) == "0123456789ab" && ShortID.text("\(Fleets.waiter).12") == "0123456789ab.12")
        #expect(ShortID.text("something else entirely") == "something else entirely")
    }

    @Test func aBeginFindsTheOneThatHasIt() {
        func find(_ text: String) -> ShortID.Found { ShortID.find(text, in: Self.view) }
        #expect(find("0123456789ab.2") == .session(LeaseID("\(Fleets.waiter).2")!))
        #expect(find("fedcba98765432") == .waiter(Fleets.other))
        #expect(find("01234567.3") == .nothing && find("11111111") == .nothing)
        #expect(find("fedcba98.1") == .nothing, "a waiter is no session")
        guard case .several(let ids) = find("fedcba98") else {
            Issue.record("two waiters begin so")
            return
        }
        #expect(ids.count == 2)
        guard case .several(let sessions) = find("0123456789ab") else {
            Issue.record("two sessions begin so")
            return
        }
        #expect(sessions == ["\(Fleets.waiter).1", "\(Fleets.waiter).2"])
    }

    @Test(arguments: ["", "0123456", "fedcba9876543x", "FEDCBA98", "fedcba98.", "fedcba98.x", "fedcba98.1.1", ".1"])
    func whatIsNoBeginIsNotLookedFor(text: String) { #expect(ShortID.find(text, in: Self.view) == .noID) }
}
