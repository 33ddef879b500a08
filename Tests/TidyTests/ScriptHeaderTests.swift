import Testing

/// Each script of the queue opens with what a reader needs before its first line.
@Suite struct ScriptHeaderTests {
    private static let folder = "Sources/Queue/Redis/Scripts"
    private static var all: [String] { Repository.files(under: folder, endings: [".lua"]) }
    private static var verbs: [String] { all.filter { $0.contains("/verbs/") } }

    @Test func everyVerbHasItsHeader() {
        #expect(ScriptHeaderTests.verbs.count >= 14)
        for file in ScriptHeaderTests.verbs {
            let header = Repository.lines(file).prefix { $0.hasPrefix("#!") || $0.hasPrefix("--") }.map { $0 }
            let name = file.split(separator: "/").last!.dropLast(4)
            #expect(header.first?.hasPrefix("#!lua") == true, "\(file): Redis takes flags from a first line #!lua")
            #expect(
                header.dropFirst().first?.hasPrefix("-- \(name): ") == true, "\(file): the second line says its purpose"
            )
            for word in ["KEYS", "ARGV", "Reply", "Cost"] {
                #expect(header.contains { $0.hasPrefix("-- \(word)") }, "\(file): the header lacks \(word)")
            }
        }
    }

    /// A full Redis must still let everything be released; only what adds to it may be refused.
    @Test func onlyEnqueueAndSettingsAreRefusedByAFullRedis() {
        for file in ScriptHeaderTests.verbs {
            let name = String(file.split(separator: "/").last!.dropLast(4))
            let first = Repository.lines(file)[0]
            if ["enqueue", "settings"].contains(name) {
                #expect(first == "#!lua", "\(file)")
            } else {
                #expect(first == "#!lua flags=allow-oom" || first == "#!lua flags=no-writes", "\(file): \(first)")
            }
        }
    }

    @Test func everyPartSaysWhatItIsFor() {
        for file in ScriptHeaderTests.all where file.contains("/parts/") {
            #expect(Repository.lines(file).first?.hasPrefix("-- ") == true, "\(file)")
        }
    }

    /// Which commands change a key can be read in each script.
    @Test func whatChangesAKeyGoesByWrite() throws {
        let commands = try Regex(#"(?:^|[^\w.])(read|write|change_\w+)\('([A-Z]+)'"#)
        let changing: Set = [
            "DEL", "HDEL", "HSET", "HSETNX", "MSET", "SADD", "SET", "SPOP", "SREM", "ZADD", "ZREM",
            "ZREMRANGEBYSCORE",
        ]
        var met: Set<String> = []
        for file in ScriptHeaderTests.all {
            for match in Repository.text(file).matches(of: commands) {
                let (how, command) = (match.output[1].substring!, String(match.output[2].substring!))
                #expect((how == "read") != changing.contains(command), "\(file): \(match.output[0].substring!)")
                met.insert(command)
            }
        }
        #expect(met.count > 30)
    }

    /// What a call reads once is forgotten where it is changed: nobody else writes those keys by their names.
    @Test(arguments: [
        (#"'tenant', [\w.]+, 'held'"#, 2), (#"'selector', [\w.]+, 'eligible'"#, 2),
        (#"'selector', [\w.]+, 'pools'"#, 3),
    ])
    func whatACallKnowsIsChangedInItsPlacesAlone(_ key: String, _ places: Int) throws {
        let write = try Regex(#"write\([^()]*, key\(\#(key)\)"#)
        let found = ScriptHeaderTests.all.map { Repository.text($0).matches(of: write).count }
        #expect(found.reduce(0, +) == places)
    }

    /// Each key that the scripts spell is a row of the reference, and the other way round.
    @Test func everyKeyIsDocumented() throws {
        let spelled = try Regex(#"\bkey\(('\w+'(?:, [^()]+|\([^()]*\))*)\)"#)
        let documented = try Regex(#"`([a-z]+(?::(?:<\w+>|[a-z]+))*)`"#)
        // KEYS[1] itself, from which the others are derived.
        var used: Set = ["state"]
        for file in ScriptHeaderTests.all {
            for match in Repository.text(file).matches(of: spelled) {
                let parts = String(match.output[1].substring!).split(separator: ",").map { part in
                    String(part.drop { $0 == " " })
                }
                let names = parts.map { $0.hasPrefix("'") ? String($0.dropFirst().dropLast()) : "*" }
                used.insert(names.joined(separator: ":"))
            }
        }
        #expect(used.count > 25)
        var rows: Set<String> = []
        for line in Repository.lines("docs/reference/keys.md")
        where line.hasPrefix("| `") || line.hasPrefix("Channels") {
            let names = line.hasPrefix("|") ? String(line.split(separator: "|")[0]) : line
            for match in names.matches(of: documented) {
                rows.insert(String(match.output[1].substring!).replacing(try Regex("<\\w+>"), with: "*"))
            }
        }
        #expect(used.subtracting(rows) == [], "docs/reference/keys.md lacks keys")
        #expect(rows.subtracting(used) == [], "docs/reference/keys.md has keys that no script spells")
    }
}
