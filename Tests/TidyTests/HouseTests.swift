import Testing

/// The house rules that a reader notices when they are broken.
@Suite struct HouseTests {
    private static let linesMax = 400
    /// Files that may be longer, each with its reason.
    private static let longFiles: [String: String] = [:]

    @Test func filesAreShort() {
        let files =
            Repository.files(under: "Sources", endings: [".swift", ".lua", ".h", ".c"])
            + Repository.files(under: "loadtest", endings: [".swift", ".py"])
            + Repository.files(under: "Tests", endings: [".swift", ".py"])
        #expect(files.count > 40)
        for file in files where HouseTests.longFiles[file] == nil {
            let count = Repository.lines(file).count - 1
            #expect(
                count <= HouseTests.linesMax, "\(file) has \(count) lines: one concern a file, or a reason in longFiles"
            )
        }
        for (file, reason) in HouseTests.longFiles {
            #expect(
                !reason.isEmpty && Repository.lines(file).count - 1 > HouseTests.linesMax, "\(file) needs no exception")
        }
    }

    /// A path of somebody's machine works nowhere else; a mark for later is an issue, not a comment.
    @Test func nothingPointsOutsideTheRepository() throws {
        // Written so that this file does not find itself.
        let banned = [
            #"/(ho)me/\w"#, #"/(ro)ot/"#, #"(^|[^\w.\]])/(wo)rk/"#, #"\b(TO)DO\b"#, #"\b(FIX)ME\b"#,
        ]
        let patterns = try banned.map { try Regex($0) }
        let endings = [
            ".swift", ".lua", ".h", ".py", ".md", ".yaml", ".yml", ".sh", "Makefile", "run", "setup", "lint-lua",
        ]
        for file in Repository.files(under: "", endings: endings) {
            for (number, line) in Repository.lines(file).enumerated() {
                for pattern in patterns {
                    #expect(line.firstMatch(of: pattern) == nil, "\(file):\(number + 1): \(line)")
                }
            }
        }
    }

    /// A test that sleeps is slow when it passes and red when the machine is busy: await the event instead.
    @Test func swiftTestsDoNotSleep() throws {
        /// A loop that stands still is what this one tests.
        let blocking = ["Tests/RedisClientTests/RedisConnectionTests.swift"]
        let sleep = try Regex(#"\b(u|nano)?sleep\("#)
        for file in Repository.files(under: "Tests", endings: [".swift"])
        where !file.hasPrefix("Tests/TidyTests/") && !blocking.contains(file) {
            for line in Repository.codeLines(file) {
                #expect(line.firstMatch(of: sleep) == nil, "\(file): \(line)")
            }
        }
    }

    /// A reader of a machine sees at each state where it can lead. States with raw values are words, not machines.
    @Test func everyStateSaysWhereItLeads() throws {
        let opens = try Regex(#"^( *)(?:public |private )?enum State\b.*\{$"#)
        var count = 0
        for file in Repository.files(under: "Sources", endings: [".swift"]) {
            var indent: String?
            var comment = ""
            for line in Repository.lines(file) {
                if !line.contains(": String"), let match = line.wholeMatch(of: opens) {
                    indent = String(match.output[1].substring!)
                }
                guard let outer = indent else { continue }
                let text = line.drop { $0 == " " }
                if line == outer + "}" {
                    indent = nil
                } else if text.hasPrefix("///") {
                    comment += text
                } else if text.hasPrefix("case ") || text.hasPrefix("indirect case ") {
                    count += 1
                    #expect(comment.contains("Can transition to:"), "\(file): \(text) says not where it leads")
                    comment = ""
                }
            }
        }
        #expect(count > 30)
    }

    @Test func theChangelogTellsOfWhatIsNew() throws {
        let text = Repository.text("CHANGELOG.md")
        let start = try #require(text.range(of: "## [Unreleased]"), "CHANGELOG.md has no Unreleased part")
        #expect(text[start.upperBound...].contains("\n- "))
    }
}
