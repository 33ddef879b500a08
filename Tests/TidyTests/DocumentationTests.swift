import Testing

/// What the code promises stands in the documents, and what the documents name exists.
@Suite struct DocumentationTests {
    /// Each code of the refusal enum is a row of the reference, with the same statuses and close code.
    @Test func everyRefusalIsDocumented() throws {
        let source = Repository.text("Sources/Gateway/Core/Refusals/RefusalCode.swift")
        let reference = Repository.lines("docs/reference/refusals.md")
        let declared = try Regex(#"^    case (\w+)(?: = "(\w+)")?$"#)
        var codes: [String: String] = [:]
        for line in source.split(separator: "\n") {
            guard let match = String(line).wholeMatch(of: declared) else { continue }
            let name = String(match.output[1].substring!)
            codes[name] = match.output[2].substring.map(String.init) ?? name
        }
        #expect(codes.count >= 18)
        for (name, code) in codes {
            guard let row = reference.first(where: { $0.hasPrefix("| `\(code)` |") }) else {
                Issue.record("docs/reference/refusals.md has no row for \(code)")
                continue
            }
            let numbers = statuses(of: name, in: source)
            #expect(!numbers.isEmpty, "RefusalCode.row has no case for \(name)")
            let cells = row.split(separator: "|").map { String($0).trimmed }
            #expect(cells[1] == numbers.map(String.init).joined(separator: ", "), "\(code): statuses differ: \(row)")
        }
    }

    /// Each command of the command line has a row.
    @Test func everyCommandIsDocumented() throws {
        let declared = try Regex(#"commandName: "(\w+)""#)
        let files = Repository.files(under: "Sources/berth/Main", endings: [".swift"])
        let commands = files.flatMap {
            Repository.text($0).matches(of: declared).map { String($0.output[1].substring!) }
        }
        let row = try Regex(#"(?m)^\| `berth (\w+)` \|"#)
        let rows = Repository.text("docs/reference/commands.md").matches(of: row).map {
            String($0.output[1].substring!)
        }
        #expect(Set(commands) == Set(rows + ["berth"]))
    }

    private func statuses(of name: String, in source: String) -> [Int] {
        let lines = source.split(separator: "\n").map(String.init)
        guard
            let at = lines.firstIndex(where: {
                $0.contains("case ") && $0.contains(".\(name)")
                    && ($0.contains(".\(name):") || $0.contains(".\(name),"))
            })
        else { return [] }
        let text = lines[at...].prefix(2).joined()
        guard let open = text.range(of: "Row(["), let close = text[open.upperBound...].firstIndex(of: "]") else {
            return []
        }
        return text[open.upperBound..<close].split(separator: ",").compactMap { Int(String($0).trimmed) }
    }

    /// Each row of the endpoints' table is a row of the reference, in the same order. No other file spells its paths.
    @Test func everyEndpointIsDocumented() throws {
        let table = "Sources/Gateway/Core/Admission/Endpoint.swift"
        let declared = try Regex(#"Endpoint\("([A-Z]+)", \[([^\]]+)\], \.(\w+)(?:\(\.(\w+)\))?\)"#)
        let endpoints = Repository.text(table).matches(of: declared).map { match in
            (
                method: String(match.output[1].substring!),
                paths: match.output[2].substring!.split(separator: ",").map { $0.filter { !" \"".contains($0) } },
                spoken: match.output[3].substring == "slot" ? match.output[4].substring.map(String.init) ?? "–" : "–"
            )
        }
        #expect(endpoints.count >= 5)
        let expected = endpoints.map { endpoint in
            [endpoint.paths.map { "`\(endpoint.method) \($0)`" }.joined(separator: ", "), endpoint.spoken]
        }
        let rows = Repository.lines("docs/reference/endpoints.md").filter { $0.hasPrefix("| `") }.map { row in
            row.split(separator: "|").prefix(2).map { String($0).trimmed }
        }
        #expect(rows == expected)
        let names = Set(endpoints.flatMap(\.paths).compactMap { $0.split(separator: "/").first }.filter { $0 != "*" })
        let spelled = try Regex(#"(?:^|\W)/(\#(names.sorted().joined(separator: "|")))\b"#)
        // Sidecars have paths of their own, and `berth run` is a client of the API.
        for file in Repository.files(under: "Sources", endings: [".swift"])
        where file != table && !file.hasPrefix("Sources/Worker/") && !file.hasPrefix("Sources/berth/Run/") {
            for (number, line) in Repository.codeLines(file).enumerated() {
                #expect(line.firstMatch(of: spelled) == nil, "\(file):\(number + 1): \(line)")
            }
        }
    }

    /// A promise's check is a file that exists, and a test in it; so is what a planted bug is caught by.
    @Test(arguments: ["docs/promises.md", "docs/internals/testing.md"])
    func everyCheckNamedExists(document: String) throws {
        let named = try Regex(#"`(Tests/[\w/.-]+)(?:::(\w+))?`"#)
        var count = 0
        for line in Repository.lines(document) {
            for match in line.matches(of: named) {
                count += 1
                let file = String(match.output[1].substring!)
                let text = Repository.text(file)
                #expect(!text.isEmpty, "\(document) names \(file), which is not there")
                if let test = match.output[2].substring {
                    #expect(text.contains(test), "\(document) names \(test), which \(file) does not have")
                }
            }
        }
        #expect(count > 0)
    }

    @Test func everyDecisionIsShortAndComplete() {
        let files = Repository.files(under: "docs/adr", endings: [".md"])
        #expect(files.count >= 7)
        for (index, file) in files.enumerated() {
            let lines = Repository.lines(file)
            #expect(file.contains(String(repeating: "0", count: index + 1 < 10 ? 3 : 2) + "\(index + 1)-"), "\(file)")
            #expect(lines.count <= 61, "\(file) has \(lines.count) lines")
            for part in ["## Context", "## Decision", "## Consequences"] {
                #expect(lines.contains(part), "\(file) lacks \(part)")
            }
        }
    }

    /// Links between the documents lead somewhere.
    @Test func everyRelativeLinkLeadsSomewhere() throws {
        let link = try Regex(#"\]\(([^)#\s]+)(?:#[^)]*)?\)"#)
        for file in Repository.files(under: "", endings: [".md"]) {
            let folder = file.split(separator: "/").dropLast().joined(separator: "/")
            for line in Repository.lines(file) {
                for match in line.matches(of: link) {
                    let target = String(match.output[1].substring!)
                    if target.hasPrefix("http") || target.hasPrefix("mailto:") { continue }
                    let path = folder.isEmpty ? target : "\(folder)/\(target)"
                    #expect(Repository.exists(path), "\(file) links to \(target)")
                }
            }
        }
    }

    /// Every flag of the settings' table is taken by a command.
    @Test func everyFlagIsTaken() throws {
        let table = Repository.text("Sources/berth/Configuration/SettingsTable.swift")
        let commands = Repository.files(under: "Sources/berth/Main", endings: [".swift"]).map(Repository.text).joined()
        let declared = try Regex(#""([\w.]+)", flag: ""#)
        let secrets = try Regex(#""([\w.]+)", fileFlag: ""#)
        let names = table.matches(of: declared).map { String($0.output[1].substring!) }
        #expect(names.count > 15)
        for name in names {
            #expect(commands.contains(".setting(\"\(name)\")"), "no command takes the flag of \(name)")
        }
        for match in table.matches(of: secrets) {
            let name = String(match.output[1].substring!)
            #expect(commands.contains(".fileOf(\"\(name)\")"), "no command takes the file flag of \(name)")
        }
    }
}

extension String {
    fileprivate var trimmed: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
