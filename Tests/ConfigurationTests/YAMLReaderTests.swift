import Testing

@testable import Configuration

@Suite struct YAMLReaderTests {
    private func read(_ text: String) throws -> ConfigNode { try YAMLReader.read(Array(text.utf8), file: "berth.yaml") }

    private func problem(_ text: String) -> String {
        do {
            return "read: \(try read(text))"
        } catch {
            return "\(error)"
        }
    }

    @Test func keepsTextAndLines() throws {
        let root = try read(
            "fleet: ci # ours\ntenants:\n  acme:\n    keys: ['a', \"b\"]\n    note: |\n      two\n      lines\n")
        let entries = try #require(root.entries)
        #expect(entries.map(\.key) == ["fleet", "tenants"])
        #expect(entries.map(\.line) == [1, 2])
        let acme = try #require(entries[1].value.entries?.first)
        #expect(acme.line == 3)
        #expect(acme.value.entries?.first?.value.texts == ["a", "b"])
        #expect(acme.value.entries?.last?.value.text == "two\nlines")
    }

    @Test func emptyFileHoldsNothing() throws {
        #expect(try read("").entries?.isEmpty == true)
        #expect(try read("# only words\n").entries?.isEmpty == true)
    }

    @Test func nullsAreNotText() throws {
        let entries = try #require(try read("a:\nb: ~\nc: null\nd: ''\n").entries)
        #expect(entries.map(\.value.isNull) == [true, true, true, false])
    }

    @Test(arguments: [
        ("a: &x 1\nb: *x\n", "berth.yaml:1: anchors"),
        ("a: 1\nb: *x\n", "berth.yaml:2: aliases"),
        ("a: !!int 1\n", "berth.yaml:1: tags"),
        ("a: 1\na: 2\n", "berth.yaml:2: 'a' stands here twice"),
        ("a: 1\n---\nb: 2\n", "berth.yaml:2: a second document"),
        ("a: [1, 2\nb: 3\n", "berth.yaml:2:"),
        ("a: 1\n\tb: 2\n", "berth.yaml:2:"),
        ("? [x]\n: 1\n", "berth.yaml:1: a key must be plain text"),
    ])
    func refusesWhatAConfigurationNeedsNot(text: String, words: String) {
        #expect(problem(text).hasPrefix(words), "\(problem(text))")
    }

    @Test func limitsDepthAndSize() {
        let deep = String(repeating: "[", count: 400) + String(repeating: "]", count: 400)
        #expect(problem(deep).contains("nested deeper than 16"))
        #expect(problem(String(repeating: "# padding\n", count: 110_000)).contains("is larger than"))
        #expect(problem("[" + String(repeating: "a,", count: 50_001) + "]").contains("more than 50000 values"))
    }

    @Test func everyCutOfAFileIsReadOrRefused() {
        let text = Array("fleet: ci\ntenants: {acme: {cap: 2, keys: ['x']}}\n# end\n".utf8)
        for end in 0...text.count { _ = try? YAMLReader.read(Array(text[..<end]), file: "f") }
        for at in 0..<text.count {
            var broken = text
            broken[at] = 0xFF
            _ = try? YAMLReader.read(broken, file: "f")
        }
    }
}
