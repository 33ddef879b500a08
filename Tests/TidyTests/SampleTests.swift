import Testing

/// What `make test` samples and what `make test-long` runs whole is one table, held against the tests here.
@Suite struct SampleTests {
    private static let document = "docs/internals/testing.md"

    @Test func everySampleIsARowWithItsNumbers() throws {
        let taken = try Regex(#"Sample\.count\(\s*"(\w+)", sample: ([\d_]+), whole: ([\d_]+)\)"#)
        let rows = Repository.lines(Self.document).filter { $0.hasPrefix("|") }
        var count = 0
        for file in Repository.files(under: "Tests", endings: [".swift"]) {
            for match in Repository.text(file).matches(of: taken) {
                count += 1
                let words = match.output.dropFirst().map { String($0.substring!) }
                guard let row = rows.first(where: { $0.contains("`\(words[0])`") }) else {
                    Issue.record("\(Self.document) has no row for \(words[0])")
                    continue
                }
                let cells = row.split(separator: "|").map { String($0) }
                for (cell, number) in zip(cells[1...2], words[1...]) {
                    let written = number.replacing("_", with: ",")
                    #expect(cell == " \(written) ", "\(words[0]): \(row)")
                }
            }
        }
        #expect(count >= 8)
    }

    /// Every test target, and every folder of Python tests, runs in `make test`.
    @Test func everyTestTargetIsAPartOfTheRun() throws {
        let declared = try Regex(#"\.testTarget\(\s*name: "(\w+)""#)
        let run = Repository.text("scripts/run_tests.py")
        let names = Repository.text("Package.swift").matches(of: declared).map { String($0.output[1].substring!) }
        #expect(names.count > 10)
        for name in names { #expect(run.contains(name), "scripts/run_tests.py runs no tests of \(name)") }
        let python = Repository.files(under: "Tests", endings: [".py"]).filter { $0.contains("/test_") }
        let folders = Set(python.map { $0.split(separator: "/").prefix(2).joined(separator: "/") })
        #expect(folders.count == 4)
        for folder in folders { #expect(run.contains("\"\(folder)\""), "scripts/run_tests.py runs no \(folder)") }
    }
}
