import Queue
import SimulatedFleet
import Testing

/// The list of planted bugs: that it says what is wrong with it, and that the shipped one fits the shipped scripts.
@Suite struct MutantListTests {
    private static let path =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/Simulation/mutants.txt"

    private let one = """
        # What it is.

        mutant capIgnored: nobody is at a cap
        from promises: S3
        in lib_queue
        -if held >= limits.cap then
        +if false then
        scenario capHolds
        killed S3 by seed 7

        mutant deaf: nothing is heard
        from others: a subscriber cut
        plant noPoll

        """

    @Test func theShippedListFitsTheShippedScripts() throws {
        let list = try MutantList.read(Self.path)
        #expect(list.mutants.count >= 20)
        for mutant in list.mutants { _ = try mutant.scripts() }
        let rules = list.mutants.filter { $0.origin.hasPrefix("protocol: ") || $0.origin.hasPrefix("ADR ") }
        #expect(rules.count * 2 >= list.mutants.count, "half of them remove a rule of the protocol or of a decision")
    }

    @Test func aListIsRead() throws {
        let mutants = try MutantList(one).mutants
        #expect(mutants.map(\.name) == ["capIgnored", "deaf"])
        #expect(mutants.map(\.words) == ["nobody is at a cap", "nothing is heard"])
        #expect(mutants.map(\.origin) == ["promises: S3", "others: a subscriber cut"])
        #expect(mutants[0].changes.map(\.text) == ["if held >= limits.cap then"])
        #expect(mutants[0].scenario?.name == "capHolds")
        #expect(mutants[0].death == Mutant.Death(promise: "S3", seed: 7))
        #expect(mutants[1].bug == .noPoll)
        #expect(mutants[1].death == nil)
    }

    @Test func aPartIsChangedInEachScriptThatUsesIt() throws {
        let scripts = try MutantList(one).mutants[0].scripts()
        let sources = scripts.map { String(decoding: $0.source, as: UTF8.self) }
        #expect(!sources.contains { $0.contains("if held >= limits.cap then") })
        #expect(sources.contains { $0.contains("local function handicap(tenant)") && $0.contains("if false then") })
        #expect(scripts.map(\.name) == ScriptLibrary.all.map(\.name))
    }

    @Test func severalLinesAreReplacedByNone() throws {
        let list = try MutantList(
            """
            mutant silent: nobody is told of a release
            from others: a lost wake-up
            in release
            -        settle()
            -    end
            +    end
            """)
        let scripts = try list.mutants[0].scripts()
        let release = try #require(scripts.first { $0.name == "release" })
        #expect(!String(decoding: release.source, as: UTF8.self).contains("        settle()\n    end\nend\n"))
    }

    @Test(arguments: ["if there is no such text then", "if"])
    func aTextThatDoesNotStandOnceIsTold(_ text: String) throws {
        let mutant = try MutantList(one.replacing("if held >= limits.cap then", by: text)).mutants[0]
        #expect(throws: MutantError.self) { try mutant.scripts() }
    }

    @Test(
        arguments: [
            ("from promises: S3", "from", "line 3: capIgnored comes from nowhere"),
            ("in lib_queue", "in lib_cake", "line 3: capIgnored: there is no lib_cake.lua"),
            ("in lib_queue\n", "", "line 5: no file is named before: -if held >= limits.cap then"),
            ("+if false then\n", "", "line 3: capIgnored needs a text in lib_queue and its replacement"),
            ("scenario capHolds", "scenario capFalls", "line 8: no scenario capFalls"),
            ("by seed 7", "by chance", "line 9: not `killed <promise> by seed <number>`: S3 by chance"),
            ("plant noPoll\n", "", "line 11: deaf needs either a text or a switch"),
            ("mutant deaf: nothing is heard", "mutant deaf", "line 11: a mutant has a name and words: deaf"),
            ("mutant deaf", "mutant capIgnored", "line 11: there are two mutants capIgnored"),
            ("from others", "form others", "line 12: what is this: form others: a subscriber cut"),
        ])
    func whatIsWrongIsTold(_ text: String, _ other: String, _ words: String) {
        #expect(throws: MutantError.self) { try MutantList(one.replacing(text, by: other)) }
        do {
            _ = try MutantList(one.replacing(text, by: other))
        } catch {
            #expect(error.description == words)
        }
    }

    @Test func whatWasFoundIsWrittenDown() throws {
        let deaths = [
            "capIgnored": Mutant.Death(promise: "S1", seed: 12), "deaf": Mutant.Death(promise: "L2", seed: 3),
        ]
        let text = try MutantList(one).recorded(deaths)
        #expect(
            text
                == one.replacing("killed S3 by seed 7", by: "killed S1 by seed 12")
                .replacing("plant noPoll\n", by: "plant noPoll\nkilled L2 by seed 3\n"))
        #expect(try MutantList(text).mutants.map(\.death) == [deaths["capIgnored"], deaths["deaf"]])
        #expect(try MutantList(text).recorded([:]) == text)
    }
}

extension String {
    fileprivate func replacing(_ text: String, by other: String) -> String {
        guard let place = firstRange(of: text) else { return self }
        return String(self[..<place.lowerBound] + other + self[place.upperBound...])
    }
}
