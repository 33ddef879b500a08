import HTTPCore
import QueueCore
import Testing

@testable import AdminCore

@Suite struct FleetFeedTests {
    /// The rows of a small fleet, as the script `survey` tells them.
    private static let rows: [[String]] = [
        ["fleet", "3", "7", "0", "0", "2", "0", "1000000", "999000000", "5"],
        ["setting", "tenant:acme", "1,10,300000,0,1,0"], ["pool", "x|chromium|1.65|playwright"],
        ["gateway", "g.1", "3", "0", ""],
        ["worker", "w.1", "10.0.0.1:3131", "ok", "0", "", "1010000", "0", "50", "7", "900000", "0.1.0"],
        [
            "slot", "w.1", "0", "leased", "x|chromium|1.65|playwright", "abc.1", "acme", "accepted", "abc", "ci",
            "950000",
        ],
        ["queue", "x|chromium||playwright", "x|chromium|1.65|playwright", "acme", "2", "999000000", "999000000"],
        ["use", "acme", "5000 100 4 1"],
        ["waiter", "one", "acme", "x|chromium||playwright", "999000000", "999000000", "run-1", "g.1"],
        ["waiter", "two", "acme", "x|chromium||playwright", "999500000", "999500000", "", "g.1"],
    ]

    private func view(_ rows: [[String]] = rows) -> FleetView {
        var survey = FleetSurvey()
        for row in rows { survey.add(row) }
        return survey.view
    }

    /// The event's name and its data.
    private func parts(_ event: String) -> (name: String, data: String) {
        let lines = event.split(separator: "\n").map(String.init)
        #expect(lines.count == 2 && event.hasSuffix("\n\n"), "one line of data: \(event)")
        return (String(lines[0].dropFirst("event: ".count)), String(lines[1].dropFirst("data: ".count)))
    }

    @Test func aNewReaderGetsEverything() {
        var feed = FleetFeed()
        _ = feed.update(view(), places: [:], AdminFacts(), redisMilliseconds: 0.44)
        let (name, data) = parts(feed.state(mayChange: true))
        #expect(name == "state")
        for words in [
            #""waiting":2"#, #""oldestAt":999000"#, #""reasons":{"recovering":0,"tenant_cap":2"#, #""redisMs":0.400"#,
            #""slots":[["leased","x|chromium|1.65|playwright","abc.1","acme","ci",950000]]"#, #""lateAt":null"#,
            #""startedAt":900000,"version":"0.1.0""#,
            #""tenant":"acme","configured":true,"held":1,"cap":1,"waiting":2"#, #""reason":"tenant_cap","sessions":4"#,
            #""wanted":1"#, #""run":"run-1","gateway":"g.1","ahead":null"#, #""mayChange":true"#, #""recent":[]"#,
        ] { #expect(data.contains(words), "\(words) in \(data)") }
    }

    @Test func aSessionHasItsRunAndItsBegin() {
        let (slot, worker) = (Self.rows[5], Self.rows[4])
        func sessions(_ run: String, _ since: String) -> String {
            FleetJSON.sessions(view([worker, Array(slot.prefix(9)) + [run, since]]))[0].value.text
        }
        #expect(sessions("ci", "950000").hasSuffix(#""waiter":"abc","run":"ci","since":950000}"#))
        #expect(sessions("", "").hasSuffix(#""run":"","since":null}"#), "granted, and not accepted yet")
        let free = ["slot", "w.1", "1", "free", "x|||raw", "-", "", "", "", "", ""]
        let unsaid = Array(worker.prefix(10)) + ["", ""]
        let row = FleetJSON.workers(view([unsaid, free]))[0].value.text
        #expect(row.contains(#""startedAt":null,"version":"","slots":[["free","x|||raw","",""]]"#), "\(row)")
    }

    @Test func nothingNewIsATick() {
        var feed = FleetFeed()
        _ = feed.update(view(), places: [:], AdminFacts(), redisMilliseconds: 0.4)
        #expect(
            parts(feed.update(view(), places: [:], AdminFacts(), redisMilliseconds: 0.4)) == (
                "tick", #"{"at":1000000}"#
            ))
    }

    @Test func aChangeNamesTheRowsThatDiffer() {
        var feed = FleetFeed()
        _ = feed.update(view(), places: [:], AdminFacts(), redisMilliseconds: 0.4)
        var rows = Self.rows.filter { $0[0] != "waiter" || $0[1] != "one" }
        rows[0][5] = "1"
        var facts = AdminFacts()
        facts.happenings = [
            .init(atMilliseconds: 5, kind: "refusal", code: "would_wait", tenant: "<b>", words: "no \"slot\"\u{2028}")
        ]
        facts.happeningsCount = 1
        let (name, data) = parts(feed.update(view(rows), places: [:], facts, redisMilliseconds: 0.4))
        #expect(name == "change")
        #expect(data.contains(#""line":{"gone":["one"],"order":["two"]}"#), "\(data)")
        #expect(data.contains(#""head":{"waiting":1,"totals":"#) && !data.contains(#""pools""#) == false)
        #expect(!data.contains(#""workers":{"#), "the worker is the same")
        #expect(
            data.contains(#""recent":{"add":[{"at":5,"kind":"refusal","code":"would_wait","tenant":"\u003cb\u003e""#))
        #expect(!data.contains("\u{2028}") && !data.contains("<b>"))
        #expect(parts(feed.state(mayChange: false)).data.contains(#""would_wait""#), "a later reader sees it too")
    }

    @Test func moreHappeningsThanAreKeptAreNotSentTwice() {
        var feed = FleetFeed()
        _ = feed.update(view(), places: [:], AdminFacts(), redisMilliseconds: 0.4)
        var facts = AdminFacts()
        facts.happenings = (0..<50).map {
            .init(atMilliseconds: Int64($0), kind: "end", code: "worker", tenant: "", words: "\($0)")
        }
        facts.happeningsCount = 1_000
        let data = parts(feed.update(view(), places: [:], facts, redisMilliseconds: 0.4)).data
        #expect(data.ranges(of: "\"kind\"").count == 50)
        #expect(parts(feed.update(view(), places: [:], facts, redisMilliseconds: 0.4)).name == "tick")
    }

    @Test func scaleSumsVersionsAndKnowsThePoolsThatThereAre() throws {
        let rows =
            Self.rows + [
                ["pool", "x|chromium|1.64|playwright"], ["pool", "zero|||"],
                ["queue", "zero|firefox||", "zero|||", "b", "3", "999000000", "999000000"],
            ]
        func scale(_ pool: String) throws -> String {
            var query = AdminQuery()
            query.pool = pool
            return try FleetAnswers.answer(
                .scale, view(rows), query: query, places: [:], AdminFacts(), redisMilliseconds: 0
            ).text
        }
        #expect(try scale("x") == #"{"pool":"x","slotsWanted":1,"slots":1,"slotsInUse":1,"waiting":2}"#)
        #expect(try scale("x|chromium").contains(#""slotsWanted":1"#))
        #expect(try scale("zero").contains(#""slotsWanted":3,"slots":0"#), "scales from zero")
        #expect(try scale("zero|firefox").contains(#""slotsWanted":3"#))
        #expect(try scale("").contains(#""slotsWanted":4"#))
        #expect(throws: AdminRefusal.self) { try scale("y") }
        #expect(throws: AdminRefusal.self) { try scale("x|firefox") }
    }

    @Test func ordersForTenantsAreChecked() throws {
        let now = TenantLimits(cap: 5, queueMax: 6, waitMaxMilliseconds: 7, priorityMaxSeconds: 8, weight: 1)
        let limits = try TenantOrder.limits(Array(#"{"cap": 9, "maxWaitSeconds": 60}"#.utf8), from: now)
        #expect(limits.cap == 9 && limits.queueMax == 6 && limits.waitMaxMilliseconds == 60_000)
        for body in [
            "", "{}", "[]", #"{"cap":-1}"#, #"{"cap":1.5}"#, #"{"cap":"1"}"#, #"{"caps":1}"#, #"{"guarantee":6}"#,
            #"{"cap":99999999999999999999}"#,
        ] {
            #expect(throws: AdminRefusal.self, "\(body)") { try TenantOrder.limits(Array(body.utf8), from: now) }
        }
    }

    /// The number of series stays bounded, however many names of tenants and pools there are.
    @Test func floodsOfNamesDoNotFloodTheSeries() {
        var rows = Self.rows
        for index in 0..<3_000 {
            rows.append(["pool", "p\(index)|chromium||cdp"])
            rows.append(["use", "t\(index)", "1 1 1 1"])
        }
        let families = FleetMetrics.families(view(rows))
        for family in families { #expect(family.samples.count <= 5 * 513, "\(family.name): \(family.samples.count)") }
        #expect(families.first { $0.name == "berth_tenant_held" }?.samples.count == 1, "configured tenants only")
    }
}
