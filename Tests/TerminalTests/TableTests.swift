import QueueCore
import Testing

@testable import Terminal

@Suite struct TableTests {
    private let small = Table(
        [.text("NAME"), .number("COUNT"), .number("AGE"), .text("WORDS")],
        [
            [.text("b"), .number(7), .span(61_000), .text("\u{1B}]0;title\u{7}")],
            [.text("日本"), .number(1_234), .none, .text("")],
            [.text("a"), .number(7), .span(200), .text("x")],
        ])

    @Test func columnsAreAlignedAndNothingTrails() {
        #expect(
            small.lines() == [
                "NAME  COUNT   AGE  WORDS",
                "b         7  1m1s  \\u{1b}]0;title\\u{7}",
                "日本   1234     -  -",
                "a         7    0s  x",
            ])
        #expect(small.lines(marked: 1)[0] == "NAME  COUNT*   AGE  WORDS")
    }

    @Test func rowsAreSortedByWhatTheyMean() {
        func names(_ column: Int, _ isReversed: Bool = false) -> [String] {
            var table = small
            table.sort(by: column, isReversed: isReversed)
            return table.rows.map { $0[0].shown }
        }
        #expect(names(0) == ["a", "b", "日本"] && names(0, true) == ["日本", "b", "a"])
        #expect(names(1) == ["日本", "b", "a"], "equal rows keep their order")
        #expect(names(1, true) == ["b", "a", "日本"])
        #expect(names(2) == ["b", "a", "日本"] && names(2, true) == ["a", "b", "日本"], "no value comes last")
    }

    private static let view = Fleets.view([
        Fleets.head(waiting: 2, oldest: 10), ["setting", "tenant:acme", "3,10,1,0,1,0"], ["pool", "y|||"],
        Fleets.worker(), Fleets.slot(0, "leased"), Fleets.slot(1),
        Fleets.worker("w2.00000000000000aa", state: "probing", draining: true),
        Fleets.worker("w2.00000000000000bb"), Fleets.queue("acme", 2), ["use", "acme", "65000 100 4 1"],
        ["waiter", Fleets.other, "acme", "x|chromium||", "990000000", "990000000", "build-7", "g1.00000000000000cc"],
        ["gateway", "g1.00000000000000cc", "2", "0", ""],
    ])

    private func lines(_ section: Section, places: [String: Place] = [:]) -> [String] {
        section.table(Self.view, places: places).lines().map { $0.split(separator: " ").joined(separator: " ") }
    }

    @Test func eachSectionHasItsRows() {
        #expect(
            lines(.pools) == [
                "LABEL BROWSER VERSION PROTOCOL STATE WAITING OLDEST FREE LEASED RECYCLING DRAINING OUT WANTED",
                "x chromium 1.65 playwright ok 2 10s 1 1 0 0 0 3", "y - - - no worker 0 - 0 0 0 0 0 0",
            ])
        #expect(
            lines(.tenants) == [
                "TENANT HELD CAP WAITING OLDEST REASON SESSIONS REFUSED USED", "acme 1 3 2 10s capacity 4 1 1m5s",
            ])
        #expect(
            lines(.workers) == [
                "WORKER STATE SLOTS FREE LEASED RECYCLING DRAINING OUT SERVED AGE VERSION ADDRESS TROUBLE",
                "w1 ok 2 1 1 0 0 0 7 1m30s 0.1.0 10.0.0.1:3131 -",
                "w2.00000000000000aa probing,draining 0 0 0 0 0 0 7 1m30s 0.1.0 10.0.0.1:3131 -",
                "w2.00000000000000bb ok 0 0 0 0 0 0 7 1m30s 0.1.0 10.0.0.1:3131 -",
            ])
        #expect(
            lines(.sessions) == [
                "SESSION TENANT STATE LABEL BROWSER VERSION PROTOCOL WORKER SLOT AGE RUN",
                "0123456789ab.1 acme accepted x chromium 1.65 playwright w1 0 2m5s ci-7",
            ])
        let place = Place(
            state: "queued", waiter: nil, lease: nil, ahead: 0, aheadOfTenant: 0, oldestMilliseconds: 0,
            waitedMilliseconds: 0,
            reason: .tenantCap, estimateMilliseconds: 4_000)
        let header = "WAITER TENANT LABEL BROWSER VERSION PROTOCOL WAITED AHEAD REASON ESTIMATE RUN GATEWAY"
        #expect(
            lines(.waiters) == [
                header, "fedcba987654 acme x chromium - - 10s 0 capacity - build-7 g1.00000000000000cc",
            ])
        #expect(
            lines(.waiters, places: [Fleets.other: place])
                == [header, "fedcba987654 acme x chromium - - 10s 0 tenant_cap 4s build-7 g1.00000000000000cc"])
    }

    /// A worker of an earlier release says neither, and nobody is served by a slot that is only granted.
    @Test func whatIsNotSaidIsADash() {
        var worker = Fleets.worker()
        worker.replaceSubrange(10..., with: ["", ""])
        var slot = Fleets.slot(0, "leased")
        slot.replaceSubrange(9..., with: ["", ""])
        let view = Fleets.view([Fleets.head(), worker, slot])
        func row(_ section: Section) -> String {
            section.table(view).lines()[1].split(separator: " ").joined(separator: " ")
        }
        #expect(row(.workers) == "w1 ok 1 0 1 0 0 0 7 - - 10.0.0.1:3131 -")
        #expect(row(.sessions).hasSuffix(" w1 0 - -"))
    }

    @Test func aHostileNameReachesNoTerminal() {
        let evil = "\u{1B}[2Jx\u{202E}y\u{9B}"
        let view = Fleets.view([
            Fleets.head(waiting: 1, oldest: 9), ["pool", "\(evil)|||"], Fleets.worker(evil, state: evil, trouble: evil),
            Fleets.slot(0, "leased", pool: evil, worker: evil), Fleets.queue(evil, 1, pools: evil, selector: evil),
            ["waiter", evil, evil, evil, "990000000", "990000000", evil, evil], ["gateway", evil, "2", "1", evil],
            ["setting", "pause:\(evil)", "1"], ["setting", "tenant:\(evil)", "0,10,1,0,1,0"], ["use", evil, "1 1 1 1"],
        ])
        var lines = StatusScreen.lines(view, fleet: evil)
        for section in Section.allCases { lines += TopScreen(section).lines(view, fleet: evil) }
        lines += TopScreen(.pools).lines(view, fleet: evil, trouble: evil, columns: 200, rows: 50)
        #expect(lines.count > 40)
        for line in lines {
            #expect(
                line.text.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) || $0 == "…" },
                "\(line.text.debugDescription)")
        }
    }
}
