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

    @Test func coloursAreOnlyThereIfWanted() {
        let lines = TopScreen(.pools).lines(Self.view, fleet: "f")
        #expect(lines.allSatisfy { !$0.text(inColour: false).contains("\u{1B}") })
        let concern = lines.first { $0.style == .concern }!
        #expect(concern.text(inColour: true) == "\u{1B}[31m\(concern.text)\u{1B}[0m")
    }
}
