import Testing

/// Every limit is a constant with a name, and the same number wherever it stands: in Swift, in Lua, in the reference.
@Suite struct LimitTests {
    private static let scripts = "Sources/Queue/Redis/Scripts"
    private static let reference = Repository.lines("docs/reference/limits.md")

    /// Constants of whole numbers by name.
    private static func constants(of file: String, _ pattern: String) throws -> [(name: String, value: Int)] {
        let declared = try Regex(pattern)
        return Repository.codeLines(file).compactMap { line in
            guard let match = line.firstMatch(of: declared) else { return nil }
            let factors = String(match.output[2].substring!).split(separator: "*").map { part in
                Int(part.filter { $0.isNumber })
            }
            return (String(match.output[1].substring!), factors.reduce(1) { $0 * ($1 ?? 0) })
        }
    }

    private static func swift(_ file: String) throws -> [(name: String, value: Int)] {
        try constants(of: file, #"static let (\w+)(?:: \w+)? = ([\d_]+(?: \* [\d_]+)*)$"#)
    }

    private static func lua() throws -> [String: Int] {
        let all = try constants(of: "\(scripts)/parts/lib_base.lua", #"^local ([A-Z_]+) = (\d+)$"#)
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0.value) })
    }

    /// `processTTLMilliseconds` as Lua has it: `PROCESS_TTL_MS`.
    private static func luaName(_ name: String) -> String {
        var words = ""
        var before: Character = "A"
        for letter in name.replacing("Milliseconds", with: "Ms") {
            if letter.isUppercase && before.isLowercase || letter == "M" && before == "L" { words += "_" }
            words += letter.uppercased()
            before = letter
        }
        return words
    }

    /// The rows that name this limit hold its value: `1,024`, or `16 KiB`.
    private static func expectRow(_ name: String, _ value: Int, _ file: String) {
        var digits = String(value)
        var written = ""
        while digits.count > 3 {
            written = "," + digits.suffix(3) + written
            digits = String(digits.dropLast(3))
        }
        let forms = [digits + written, value % 1_024 == 0 ? "\(value / 1_024) KiB" : "\(value)"]
        let rows = reference.filter { $0.contains("`\(name)`") }
        #expect(!rows.isEmpty, "docs/reference/limits.md lacks \(name) of \(file)")
        #expect(
            rows.contains { row in forms.contains { row.contains($0) } },
            "docs/reference/limits.md has another value than \(value) for \(name) of \(file)")
    }

    /// Configuration has a paragraph of its own: what it says names the value itself.
    @Test func theReferenceHasEachWithItsValue() throws {
        var count = 0
        for file in Repository.files(under: "Sources", endings: [".swift"])
        where !file.hasPrefix("Sources/berth/Configuration/") {
            for (name, value) in try LimitTests.swift(file) {
                count += 1
                LimitTests.expectRow(name, value, file)
            }
        }
        #expect(count > 40)
    }

    @Test func theReferenceHasThoseOfTheScripts() throws {
        let twins = Set(try LimitTests.swift("Sources/Queue/Core/Limits.swift").map { LimitTests.luaName($0.name) })
        for (name, value) in try LimitTests.lua() where !twins.contains(name) {
            LimitTests.expectRow(name, value, "lib_base.lua")
        }
    }

    /// What the queue's core names and what the scripts enforce is one number.
    @Test func scriptsAndCoreAgree() throws {
        /// Kept by processes, not by scripts.
        let ours: Set = [
            "heartbeatMilliseconds", "pollMilliseconds", "registerAgainMilliseconds", "storeAwayMilliseconds",
            "distinctWorkersMax", "callsSentMax", "callsSentOfTenantMax",
        ]
        let lua = try LimitTests.lua()
        #expect(lua.count > 25)
        for (name, value) in try LimitTests.swift("Sources/Queue/Core/Limits.swift") where !ours.contains(name) {
            #expect(
                lua[LimitTests.luaName(name)] == value, "\(name): lib_base.lua has another \(LimitTests.luaName(name))")
        }
    }

    /// Tenants without limits of their own have the same ones in both.
    @Test func defaultLimitsAgree() throws {
        let numbers = try Regex(#"= (?:TenantLimits\()?|\d[\d_]*"#)
        func values(_ text: String) -> [Int] {
            text.matches(of: numbers).compactMap { Int(text[$0.range].filter(\.isNumber)) }
        }
        let lua = Repository.codeLines("\(LimitTests.scripts)/parts/lib_settings.lua").first {
            $0.contains("DEFAULT_LIMITS = '")
        }
        let core = Repository.codeLines("Sources/Queue/Core/Limits.swift")
        let at = try #require(core.firstIndex { $0.contains("static let `default`") })
        #expect(values(try #require(lua)) == values(core[at + 1]))
    }

    /// A number in a script that bounds something has a name. Left are ranks, milli- and microseconds, shifts and places in ARGV.
    @Test func numbersInScriptsHaveNames() throws {
        let number = try Regex(#"(?:^|[^\w.'%-])(\d{2,})\b"#)
        let named = ["ARGV[", "FIRST_POOL = ", "DEFAULT_LIMITS = '", "FINDINGS_MAX = "]
        let plain: Set = ["10", "20", "32", "1000", "1000000", "4294967296"]
        for file in Repository.files(under: LimitTests.scripts, endings: [".lua"])
        where !file.hasSuffix("/lib_base.lua") {
            for (index, line) in Repository.lines(file).enumerated() {
                let code = line.split(separator: "--", omittingEmptySubsequences: false)[0]
                if named.contains(where: { code.contains($0) }) { continue }
                for match in String(code).matches(of: number) {
                    let text = String(match.output[1].substring!)
                    #expect(plain.contains(text), "\(file):\(index + 1): \(text) needs a name")
                }
            }
        }
    }
}
