import Configuration
import LoadTestCore
import Testing

@Suite struct ScenarioTests {
    private func read(_ text: String, slots: Int? = nil) throws -> Scenario {
        try ScenarioReader.read(Array(text.utf8), name: "test", file: "test.yaml", slots: slots)
    }

    @Test func ratesAndBurstsFollowTheSlots() throws {
        let text = """
            question: Why?
            slots: 10
            duration: 1m
            hold: { exponential: 500ms }
            arrivals: { poisson: 80% }
            tenants:
              acme: {}
              globex: { arrivals: { burst: 10x } }
            """
        let found = try read(text)
        #expect(found.streams.map(\.model) == [.burst(sessions: 100), .poisson(perSecond: 16)])
        #expect(found.streams.map(\.tenants) == [[1], [0]])
        #expect(try read(text, slots: 20).streams.map(\.model) == [.burst(sessions: 200), .poisson(perSecond: 32)])
    }

    @Test func aTenantsOwnValuesComeBeforeTheFiles() throws {
        let found = try read(
            """
            question: Why?
            slots: 4
            arrivals: { burst: 8 }
            hold: 20ms
            patience: 1s
            tenants:
              agent: { count: 6, cap: 1-4, share: 2 }
              slow: { hold: { uniform: [1s, 2s] }, read: 64K, frames: cdp, token: secret }
            """)
        #expect(found.tenants.map(\.cap) == [1, 2, 3, 4, 1, 2, nil])
        #expect(found.tenants.map(\.name).prefix(2) == ["agent-1", "agent-2"])
        #expect(found.groups == ["agent", "slow"])
        #expect(found.tenants[0].hold == .constant(20_000) && found.tenants[6].hold == .uniform(1_000_000...2_000_000))
        #expect(found.tenants[6].readBytesASecond == 65_536 && found.tenants[6].patienceMicroseconds == 1_000_000)
        #expect(found.streams.map(\.weights) == [[2, 2, 2, 2, 2, 2, 1]])
    }

    @Test(arguments: [
        ("slots: 4\narrivals: { burst: 4 }", "test.yaml:1: has no `question`: say what a run answers"),
        ("question: Why?", "test.yaml:1: has no `slots`: say how many the system under test offers"),
        ("question: Why?\nslots: 4", "test.yaml: has no `arrivals`, and nor has the tenant default"),
        (
            "question: Why?\nslots: 4\narrivals: { poisson: 5/s }",
            "test.yaml:1: has no `duration`: only a burst ends by itself"
        ),
        (
            "question: Why?\nslots: 4\narivals: { burst: 4 }",
            "test.yaml:3: unknown key 'arivals'; did you mean 'arrivals'?"
        ),
        (
            "question: Why?\nslots: 4\narrivals: { poisson: 5 }",
            "test.yaml:3: is a rate like 40/s, or a part of what the slots can serve like 80%"
        ),
        (
            "question: Why?\nslots: 4\narrivals: { burst: 4 }\nhold: { lognormal: [2s, 1s] }",
            "test.yaml:4: is two times, the shorter one first"
        ),
        (
            "question: Why?\nslots: 4\narrivals: { burst: 4 }\nframes: { count: 4 }",
            "test.yaml:4: is none, playwright, cdp, or { count: 100, bytes: 64 }"
        ),
        (
            "question: Why?\nslots: 4\narrivals: { burst: 4 }\ntenants: { a: { cap: 5-1 } }",
            "test.yaml:4: is a number from 1, or a range like 1-5"
        ),
        (
            "question: Why?\nslots: 4\narrivals: { burst: 4 }\ntenants: { a: { cap: -5 } }",
            "test.yaml:4: is a number from 1, or a range like 1-5"
        ),
        ("question: Why?\nslots: 4\ntenants: [a]", "test.yaml:3: `tenants` is a table of names"),
        ("question: Why?\nslots: 0\narrivals: { burst: 4 }", "test.yaml:2: is a whole number from 1 to 100000"),
    ])
    func aMistakeIsNamedWithItsLine(text: String, words: String) {
        #expect(throws: ConfigurationProblem.self) { try read(text) }
        do { _ = try read(text) } catch { #expect("\(error)" == words) }
    }

    @Test(arguments: NamedScenarios.names)
    func eachNamedScenarioReadsAndAsksAQuestion(name: String) throws {
        let bytes = try #require(NamedScenarios.file(name))
        let found = try ScenarioReader.read(bytes, name: name, file: "\(name).yaml")
        #expect(found.question.hasSuffix("?"))
        #expect(found.rolls == (name == "roll"))
    }

    @Test func everyFileHasAName() {
        #expect(NamedScenarios.names.count == 9 && Set(NamedScenarios.names).count == 9)
    }
}
