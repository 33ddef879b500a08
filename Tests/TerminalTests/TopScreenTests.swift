import QueueCore
import Testing

@testable import Terminal

@Suite struct TopScreenTests {
    private static let view = Fleets.view(
        [Fleets.head()]
            + (0..<30).flatMap {
                [["pool", "p\($0)|||"], Fleets.queue("a", $0 + 1, pools: "p\($0)|||", selector: "p\($0)|||")]
            })

    private func press(_ top: inout TopScreen, _ keys: String) -> [TopScreen.Effect] { keys.utf8.map { top.press($0) } }

    @Test func keysChooseTheTableAndItsOrder() {
        var top = TopScreen(.pools)
        #expect(press(&top, "twlsp") == Array(repeating: .draw, count: 5) && top.section == .pools)
        func first(_ top: TopScreen) -> String {
            let lines = top.lines(Self.view, fleet: "f").map(\.text)
            let header = lines.firstIndex { $0.hasPrefix("LABEL") }!
            return String(lines[header + 1].prefix { $0 != " " })
        }
        #expect(first(top) == "p29", "those that are waited for come first")
        _ = press(&top, "r")
        #expect(first(top) == "p0")
        _ = press(&top, "r<<<<<")
        #expect(
            first(top) == "p0" && top.lines(Self.view, fleet: "f").contains { $0.text.hasPrefix("LABEL* ") }, "by label"
        )
        _ = press(&top, "<>")
        #expect(top.lines(Self.view, fleet: "f").contains { $0.text.hasPrefix("LABEL* ") }, "columns go round")
        #expect(press(&top, "q") == [.quit] && press(&top, "Q") == [.quit])
    }

    @Test func aKeyOfSeveralBytesIsNoOrder() {
        var top = TopScreen(.workers)
        #expect(press(&top, "\u{1B}[A\u{1B}[3~\u{1B}OPü").allSatisfy { $0 == .nothing } && top.section == .workers)
    }

    @Test func theScreenIsFilledToItsSizeAndNoFurther() {
        for (columns, rows) in [(80, 24), (40, 10), (20, 3), (1, 1), (200, 80)] {
            let lines = TopScreen(.pools).lines(Self.view, fleet: "f", trouble: "away", columns: columns, rows: rows)
            #expect(lines.count <= rows && lines.allSatisfy { Printable.width($0.text) <= columns })
            if rows >= 10 { #expect(lines[1].text.hasPrefix("! away") && lines.last!.text.hasPrefix("p pools")) }
            #expect(lines.contains { $0.text.contains("more lines") } == [24, 10, 3].contains(rows))
        }
    }

    @Test func theFirstLineHasTheRateOfGrants() {
        var top = TopScreen(.pools)
        func title(_ head: [String]) -> String {
            let view = Fleets.view([head])
            top.look(at: view)
            return top.lines(view, fleet: "f")[0].text
        }
        #expect(title(Fleets.head(tokens: 100)) == "berth top, fleet f, 00:16:40 UTC", "one look has no rate")
        #expect(title(Fleets.head(at: 1_001, tokens: 100)).hasSuffix(", 0.0 grants/s"))
        #expect(title(Fleets.head(at: 1_004, tokens: 110)).hasSuffix(", 2.5 grants/s"))
        for second in 1_005...1_008 { _ = title(Fleets.head(at: second, tokens: 110)) }
        #expect(title(Fleets.head(at: 1_009, tokens: 121)).hasSuffix(", 2.2 grants/s"), "over the last six looks")
        #expect(title(Fleets.head(at: 1_010, epoch: 8, tokens: 1)).hasSuffix("00:16:50 UTC"), "Redis lost its data")
        #expect(title(Fleets.head(recovering: true, at: 1_011, epoch: 8, tokens: 2)).hasSuffix("00:16:51 UTC"))
        #expect(title(Fleets.head(at: 1_012, epoch: 8, tokens: 500)).hasSuffix("00:16:52 UTC"), "workers raised it")
        #expect(title(Fleets.head(at: 1_013, epoch: 8, tokens: 501)).hasSuffix(", 1.0 grants/s"))
    }

    @Test func coloursAreOnlyThereIfWanted() {
        let lines = TopScreen(.pools).lines(Self.view, fleet: "f")
        #expect(lines.allSatisfy { !$0.text(inColour: false).contains("\u{1B}") })
        let concern = lines.first { $0.style == .concern }!
        #expect(concern.text(inColour: true) == "\u{1B}[31m\(concern.text)\u{1B}[0m")
    }
}
