import Testing

@testable import WorkerCore

@Suite struct LastWordsTests {
    private func words(_ stdout: String = "", _ stderr: String = "") -> LastWords {
        LastWords(stdout: Array(stdout.utf8), stderr: Array(stderr.utf8))
    }

    @Test(arguments: [
        // A browser without a library, started by Playwright, which dies itself over it.
        (
            """
            browserType.launchServer: Target page, context or browser has been closed
            Browser logs:
            <launching> /usr/bin/chromium --headless
            <launched> pid=4711
            [pid=4711][err] chromium: error while loading shared libraries: libnss3.so: cannot open shared object file: No such file
            Call log:
              - <launching> /usr/bin/chromium --headless
                at BrowserServerLauncherImpl.launchServer (/x/lib/browserServerImpl.js:63:17)
            {
              log: []
            }

            Node.js v26.1.0
            """,
            "[pid=4711][err] chromium: error while loading shared libraries: libnss3.so: cannot open shared object file: No such file"
        ),
        (
            """
            node:internal/modules/cjs/loader:1228
              throw err;
              ^

            Error: Cannot find module '/x/cli.js'
                at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15)
                at node:internal/main/run_main_module:36:49

            Node.js v26.1.0
            """, "Error: Cannot find module '/x/cli.js'"
        ),
        (
            """
            Traceback (most recent call last):
              File "/x/a.py", line 1, in <module>
                import nothing
                ^^^^^^^^^^^^^^
            ModuleNotFoundError: No module named 'nothing'
            """, "ModuleNotFoundError: No module named 'nothing'"
        ),
        ("sh: 1: chrome: not found\nbye", "sh: 1: chrome: not found"),
        ("./run: Permission denied\nError: 126", "./run: Permission denied"),
        ("starting\nstill starting\n\n", "still starting"), ("    at x (y)\n^^^\n", "^^^"),
        ("Error: first\nError: second", "Error: second"),
    ])
    func theBestLineNamesTheCause(output: String, best: String) {
        #expect(words("", output).best == best)
        #expect(words(output).best == best)
    }

    @Test func ofBothOutputsTheOneThatNamesACause() {
        #expect(words("noise", "cannot bind").best == "cannot bind")
        #expect(words("cannot bind", "noise").best == "cannot bind")
        #expect(words().best == nil)
        #expect(words("\n \r\n\t\n").best == nil)
    }

    @Test func fortyLinesOfEachAreKept() {
        let many = (1...41).map { "line \($0)" }.joined(separator: "\n")
        let kept = words(many, many).lines
        #expect(kept.count == 80)
        #expect(kept[0] == "line 2" && kept[39] == "line 41" && kept[40] == "line 2")
        #expect(words((1...40).map(String.init).joined(separator: "\n")).lines.first == "1")
    }

    @Test func whatIsCutOffBeforeIsNotALine() {
        #expect(LastWords(stdout: Array("rt\nwhole".utf8), isCut: true, stderr: []).lines == ["whole"])
        #expect(
            LastWords(stdout: Array("one endless line".utf8), isCut: true, stderr: []).lines == ["one endless line"])
    }

    /// What a sidecar prints reaches terminals and logs: it must not move the cursor there.
    @Test func linesAreShownAsTheyAre() {
        #expect(words("\u{1B}[31mred\u{1B}[0m \u{1B}[2J\u{1B}c!\r\n").lines == ["red !"])
        #expect(words("a\0b\u{7}\u{8}c\u{9B}31m\u{202E}d").lines == ["a b c 31m d"])
        #expect(LastWords(stdout: [0x61, 0xFF, 0x62, 0xC3], stderr: []).lines == ["a\u{FFFD}b\u{FFFD}"])
        #expect(words("\u{1B}[").lines == [] && words("\u{1B}").lines == [])
        #expect(words("  much   space  ").lines == ["much space"])
    }

    @Test func aLineHasItsBound() {
        #expect(words(String(repeating: "x", count: 512)).lines[0].utf8.count == 512)
        #expect(words(String(repeating: "x", count: 513)).lines[0].utf8.count == 512)
        #expect(words(String(repeating: "é", count: 300)).lines[0].utf8.count == 512)
    }
}

@Suite struct SlotTroublesTests {
    @Test func slotsOfOneReasonAreNamedTogether() {
        var troubles = SlotTroubles()
        #expect(troubles.summary == "")
        for slot in [5, 1, 0] { troubles.failed(slot, slot == 1 ? "b" : "a") }
        #expect(troubles.summary == "slots 0, 5: a; slot 1: b")
        troubles.isWell(5)
        troubles.failed(0, "b")
        #expect(troubles.summary == "slots 0, 1: b")
        for slot in 0...8 { troubles.failed(slot, "c") }
        #expect(troubles.summary == "slots 0, 1, 2, 3, 4, 5, 6, 7 and 1 more: c")
        for slot in 0...8 { troubles.isWell(slot) }
        #expect(troubles.summary == "")
    }

    @Test(arguments: ["x", "é", "👩‍👩‍👧"]) func theSummaryIsBounded(character: String) {
        var troubles = SlotTroubles()
        troubles.failed(0, String(repeating: "x", count: 504))
        #expect(troubles.summary.utf8.count == 512)
        troubles.failed(0, String(repeating: character, count: 505))
        #expect(troubles.summary.utf8.count <= 512 && troubles.summary.hasSuffix("…"))
        for slot in 0..<1_024 { troubles.failed(slot, "\(slot)\(character)") }
        #expect((400...512).contains(troubles.summary.utf8.count))
    }

    /// A pid or a port that differs makes no other reason.
    @Test func aReasonIsNewsOnce() {
        var troubles = SlotTroubles()
        let reasons = ["code(1): [pid=4711] no such file", "code(1): [pid=12] no such file", "signal: killed"]
        let told = reasons.map { troubles.isNews($0) }
        #expect(told == [true, false, true])
        let more = ["u", "v", "w", "x", "y", "z", "a ninth reason"].map { troubles.isNews($0) }
        #expect(more == [true, true, true, true, true, true, false])
    }
}
