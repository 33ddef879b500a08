import Foundation
import TestSupport
import Testing

@testable import Queue

@Suite struct ScriptLinkerTests {
    /// What comes before the verb, the functions around it left out.
    private func link(_ parts: String..., verb: String) -> String {
        let script = String(decoding: ScriptLinker(parts: parts, outer: 1).join(verb), as: UTF8.self)
        return script.components(separatedBy: "return (function()\n").prefix(2).joined()
    }

    @Test func onlyWhatIsUsedComesAlongInItsOrder() {
        let parts = "-- A part.\n\nlocal a = 1\nlocal b = 2\nlocal function f()\n    return b\nend\nlocal c = f()\n"
        #expect(link(parts, verb: "return a") == "local a = 1\n")
        #expect(link(parts, verb: "return c + a") == String(parts.drop { $0 != "l" }))
        #expect(link(parts, verb: "return f()") == "local b = 2\nlocal function f()\n    return b\nend\n")
        #expect(link(parts, verb: "return abc") == "")
    }

    @Test func aDefinitionOfSeveralNamesComesWithAnyOfThem() {
        #expect(link("local a, b = {}, {}\n", verb: "b.x = 1") == "local a, b = {}, {}\n")
    }

    @Test func whatATableIsFilledWithLaterOnComesWithTheTable() {
        let parts = "local t = {}\nlocal function late()\nend\nfunction t.one()\n    late()\nend\nlocal other = 1\n"
        #expect(link(parts, verb: "t[x]()") == String(parts.dropLast("local other = 1\n".count)))
    }

    @Test func aPartUsesEarlierParts() {
        #expect(link("local a = 1\n", "local b = a\n", verb: "b") == "local a = 1\nlocal b = a\n")
    }

    @Test func commentsUseNothing() {
        #expect(link("local a = 1\nlocal b = 1\n    -- a\n", verb: "-- a\nreturn b") == "local b = 1\n")
    }

    @Test func fieldsUseNothing() {
        #expect(link("local a = 1\nlocal b = 1\nlocal c = 1\n", verb: "b.a = 'x'..c") == "local b = 1\nlocal c = 1\n")
    }

    @Test func stringsUseNothing() {
        #expect(link("local a = 1\nlocal b = 1\nlocal c = 1\n", verb: "f('a', b, 'c')") == "local b = 1\n")
    }

    @Test func namedNumbersAreReplacedInPartsAndVerbs() {
        let parts = "local MOST = 12\nlocal a = 'MOST' .. MOST\nlocal MOSTLY = f(1)\n"
        let script = ScriptLinker(parts: ["", parts], outer: 1).join("local LEAST = 3\nreturn a + LEAST, MOSTLY\n")
        #expect(
            String(decoding: script, as: UTF8.self) == """
                return (function()
                local a = 'MOST' .. 12
                local MOSTLY = f(1)
                return (function()
                return a + 3, MOSTLY
                end)()
                end)()

                """)
    }

    private static let parts = """
        local state = {}
        local function common()
        end
        local t = {}
        function t.one(x)
            state[x] = 1
        end
        local function rare()
            common()
            t.one()
        end
        local function both()
            return rare
        end
        --@seldom
        local function seldom(x)
            both(x)
        end
        local function often()
            common()
            seldom()
        end

        """

    @Test func whatOnlySeldomFunctionsUseIsInsideThem() {
        #expect(
            link("", Self.parts, verb: "often()") == """
                local state = {}
                local function common()
                end
                local function seldom(x)
                local t = {}
                function t.one(x)
                    state[x] = 1
                end
                local function rare()
                    common()
                    t.one()
                end
                local function both()
                    return rare
                end
                    both(x)
                end
                local function often()
                    common()
                    seldom()
                end

                """)
    }

    @Test func whatOthersUseTooStaysOutside() {
        let script = link("", Self.parts, verb: "often()\nrare()")
        #expect(script.contains("local function seldom(x)\nlocal function both()\n"))
        #expect(script.contains("local function rare()\n    common()"))
        #expect(script.contains("local state = {}\nlocal function common()\nend\nlocal t = {}\n"))
    }

    /// One inside another has only what is not there already.
    @Test func aVerbHasSeldomFunctionsOfItsOwn() {
        let parts = """
            local function a()
            end
            local function b()
                a()
            end
            --@seldom
            local function c()
                b()
            end

            """
        let verb = """

            local x = 1
            -- Why.
            --@seldom
            local function d()
                a()
                c(x)
            end
            if x then
                d()
            end

            """
        #expect(
            String(decoding: ScriptLinker(parts: ["", parts], outer: 1).join(verb), as: UTF8.self) == """
                return (function()
                return (function()
                local x = 1
                local function d()
                local function a()
                end
                local function c()
                local function b()
                    a()
                end
                    b()
                end
                    a()
                    c(x)
                end
                if x then
                    d()
                end
                end)()
                end)()

                """)
    }

    @Test func whatSeveralSeldomFunctionsUseIsInEachOfThem() {
        let parts = """
            local function a()
            end
            --@seldom
            local function one()
                a()
            end
            --@seldom
            local function two()
                a()
            end

            """
        #expect(
            link("", parts, verb: "one()\ntwo()") == """
                local function one()
                local function a()
                end
                    a()
                end
                local function two()
                local function a()
                end
                    a()
                end

                """)
    }

    @Test func onlyWholeFunctionsAreMarkedAsSeldom() throws {
        let texts = ScriptLibrary.parts.map(\.text) + ScriptLibrary.verbs.map(\.text)
        let marked = texts.flatMap { $0.components(separatedBy: "\n--@seldom\n").dropFirst() }
        #expect(marked.count > 8)
        for text in marked { #expect(text.prefixMatch(of: try Regex(#"local function \w+\([\w, ]*\)\n"#)) != nil) }
        #expect(
            texts.allSatisfy {
                $0.components(separatedBy: "@seldom").count == $0.components(separatedBy: "\n--@seldom\n").count
            })
    }

    /// It would take the definition along, and all that this uses: once half of each script came by two such names.
    @Test func noVariableOrFieldOfATableHasADefinitionsName() throws {
        let definition = try Regex(#"(?m)^(?:local )?function (\w+)"#)
        let places = try [
            #"(?m)^ +local (?!function)([\w, ]+)"#, #"(?m)^ *for ([\w, ]+) (?:in|=)"#, #"function[ \w.]*\(([\w, ]*)\)"#,
            #"[{,]\s*(\w+) = "#,
        ].map { try Regex($0) }
        let definitions = Set(
            ScriptLibrary.parts.flatMap { part in
                part.text.matches(of: definition).map { String($0.output[1].substring!) }
            })
        #expect(definitions.count > 100)
        var seen = 0
        let clashes = ScriptLibrary.parts.flatMap { part in
            places.flatMap { part.text.matches(of: $0) }
                .flatMap { $0.output[1].substring!.split { !($0.isLetter || $0.isNumber || $0 == "_") } }
                .filter { name in
                    seen += 1
                    return definitions.contains(String(name))
                }.map { "\(part.name): \($0)" }
        }
        #expect(seen > 500)
        #expect(clashes == [])
    }

    private func output(of command: String) -> String {
        guard let pipe = popen(command, "r") else { return "" }
        defer { pclose(pipe) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Told by the compiler: a name without its definition is one that is read as a global.
    @Test func shippedScriptsHaveEveryNameTheyUse() throws {
        let definition = try Regex(#"(?m)^local (?:function )?(\w+)"#)
        let names = Set(
            ScriptLibrary.parts.flatMap { part in
                part.text.matches(of: definition).map { String($0.output[1].substring!) }
            })
        #expect(names.count > 150)
        let folder = try TemporaryFolder()
        for script in ScriptLibrary.all {
            let file = folder.path + "/\(script.name).lua"
            // Redis' first line is none of Lua's.
            try ("--" + String(decoding: script.source, as: UTF8.self)).write(
                toFile: file, atomically: true, encoding: .utf8)
            let listing = output(of: "luac5.1 -l -p \(file) 2>&1")
            let globals = listing.matches(of: try Regex(#"[GS]ETGLOBAL\s.*; (\w+)"#)).map {
                String($0.output[1].substring!)
            }
            #expect(globals.contains("redis"), "\(script.name): \(listing.prefix(200))")
            #expect(names.isDisjoint(with: globals), "\(script.name): \(names.intersection(globals))")
        }
    }
}
