import Testing

@testable import Terminal

@Suite struct PrintableTests {
    /// A terminal obeys or hides each of these.
    @Test(arguments: [
        "\u{1B}[31mred", "\u{7}", "\r", "\n", "\u{7F}", "\u{9B}31m", "\u{202E}abc", "\u{2066}abc", "\u{200F}",
        "\u{200B}",
        "\u{FEFF}", "\u{2028}", "\u{2029}", "\u{AD}", "\u{FE0F}", "\u{E0041}", "\u{E000}", "\u{3164}", "\u{FFFF}",
    ])
    func unsafeCharactersAreWrittenOut(text: String) {
        let shown = Printable.text("a\(text)b")
        #expect(shown.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }, "\(shown)")
        let scalar = text.unicodeScalars.first!
        #expect(shown.hasPrefix("a\\u{\(String(scalar.value, radix: 16))}"))
        let json = Printable.json("[\"\(text)\"]")
        #expect(json.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }, "\(json)")
    }

    @Test func lettersOfAnyScriptStay() {
        for text in ["build-7", "Zürich", "e\u{301}", "日本", "Привет", "สวัสดี", "👍"] {
            #expect(Printable.text(text) == text)
        }
    }

    @Test func aPileOfMarksIsCutAndNoMarkLandsOnWhatStandsBefore() {
        let pile = "a" + String(repeating: "\u{301}", count: 5)
        #expect(Printable.text(pile) == "a\u{301}\u{301}\u{301}\\u{301}\\u{301}")
        #expect(Printable.text("\u{301}a") == "\\u{301}a")
    }

    @Test func jsonStaysTheSameText() {
        #expect(Printable.json("{\"a\":\"\u{9B}\u{202E}\u{E0041}ü\"}") == #"{"a":"\u009b\u202e\udb40\udc41ü"}"#)
    }

    @Test func widthsAreColumns() {
        #expect(Printable.width("abc") == 3 && Printable.width("Zürich") == 6 && Printable.width("e\u{301}") == 1)
        #expect(Printable.width("日本") == 4 && Printable.width("👍") == 2)
    }

    @Test func aLineIsClippedToItsColumns() {
        #expect(Printable.clipped("abcdef", to: 6) == "abcdef")
        #expect(Printable.clipped("abcdef", to: 5) == "abcd…")
        #expect(Printable.clipped("日本語", to: 5) == "日本…")
        #expect(Printable.clipped("日本語", to: 4) == "日…")
        #expect(Printable.clipped("abc", to: 1) == "…" && Printable.clipped("abc", to: 0) == "")
    }

    @Test func timesHaveAtMostTwoUnits() {
        let seconds = [0, 59, 60, 200, 3_599, 3_600, 3_900, 86_399, 86_400, 180_000]
        #expect(
            seconds.map { TimeSpan.text(milliseconds: $0 * 1_000 + 999) }
                == ["0s", "59s", "1m", "3m20s", "59m59s", "1h", "1h5m", "23h59m", "1d", "2d2h"])
        #expect(TimeSpan.text(milliseconds: -5) == "0s")
        #expect(TimeSpan.timeOfDay(milliseconds: 1_767_225_600_000 + 3_723_004) == "01:02:03 UTC")
    }
}
