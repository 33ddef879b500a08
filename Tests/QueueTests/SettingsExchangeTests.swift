import EventLoop
import QueueCore
import RedisClient
import Testing

@testable import Queue

/// Settings between gateways and a real Redis.
@Suite struct SettingsExchangeTests {
    private static func limits(_ cap: Int) -> TenantLimits {
        TenantLimits(cap: cap, queueMax: 9, waitMaxMilliseconds: 1_000, priorityMaxSeconds: 0, weight: 1)
    }

    private static func file(_ caps: [String: Int]) -> Declaration {
        Declaration(
            tenants: caps.sorted { $0.key < $1.key }.map { .init(tenant: $0.key, limits: limits($0.value)) })
    }

    /// A row's declared and ordered words, without versions; empty where there is none.
    private static func row(_ fleet: LiveFleet, _ name: String) throws -> [String] {
        let key = "berth:{test}:settings"
        let connection = RedisConnection(loop: fleet.loop, endpoint: try fleet.server.endpoint(), key: key)
        defer { connection.close() }
        var text: String??
        connection.onEvent = { event in
            guard case .up = event else { return }
            connection.send([Array("HGET".utf8), Array(key.utf8), Array(name.utf8)]) {
                text = .some((try? $0.get())?.text)
            }
        }
        connection.start()
        fleet.wait { text != nil }
        let words = (text ?? nil)?.split(separator: " ").map(String.init) ?? []
        return words.count == 4 ? [words[0], words[2]] : words
    }

    private static func waitForRow(_ fleet: LiveFleet, _ name: String, _ expected: [String]) throws {
        var found: [String] = []
        for _ in 0..<100 {
            found = try row(fleet, name)
            if found == expected { return }
            _ = fleet.loop.run(until: { false }, timeoutMilliseconds: 50)
        }
        Issue.record("\(name) is \(found), not \(expected)")
    }

    @Test func aDeclarationIsReadBackAtOnceSoThatItSurvivesALossOfRedis() throws {
        var sent: [[String]] = []
        var asked = 0
        let exchange = SettingsExchange()
        exchange.askForMore = { asked += 1 }
        exchange.call = { arguments, done in
            sent.append(arguments)
            let words = ["ok", "1", "1"].map { RedisReply.bulk(Array($0.utf8)) }
            done(ScriptReply(.array(words + [.integer(0), .bulk(Array("0".utf8)), .bulk(Array("17".utf8))])))
        }
        exchange.declare(Self.file(["a": 1]))
        exchange.serve(anew: false) {}
        #expect(asked == 1)
        exchange.heard(highest: 3, ["tenant:a", "\(Self.limits(1).words) 3 - 0"])
        exchange.serve(anew: true) {}
        #expect(sent.last == ["gateway", "resend", "17", "1", "tenant:a", "\(Self.limits(1).words) 3 - 0"])
    }

    @Test func anOrderComesBackFromAnyGatewayThatIsAlive() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        fleet.client.declare(Self.file(["a": 1, "b": 2]))
        let other = try #require(
            QueueClient(loop: fleet.loop, endpoint: try fleet.server.endpoint(), fleet: "test", node: "other"))
        let record = GatewayRecord()
        other.delegate = record
        other.declare(Self.file(["a": 7]))
        other.start()
        fleet.wait { record.available }
        try Self.waitForRow(fleet, "tenant:a", [Self.limits(7).words, "-"])
        let boss = FleetOperator(loop: fleet.loop, endpoint: try fleet.server.endpoint(), fleet: "test")
        defer { boss.close() }
        var taken: Result<Void, FleetOperator.Failure>?
        boss.setLimits(Self.limits(9), of: "b") { taken = $0 }
        fleet.wait { taken != nil }
        let version = { [client = fleet.client] in client.settingsVersion }
        // Both have heard of the order with a renew.
        fleet.wait { version() == other.settingsVersion && version() > 0 }
        let before = version()
        boss.setPolicy(.fair) { taken = $0 }
        fleet.wait { version() > before && other.settingsVersion == version() }
        fleet.server.kill()
        try fleet.server.start()
        fleet.wait { fleet.gateway.registeredAnew == 1 && record.registeredAnew == 1 }
        try Self.waitForRow(fleet, "tenant:b", [Self.limits(2).words, Self.limits(9).words])
        try Self.waitForRow(fleet, "tenant:a", [Self.limits(7).words, "-"])
        try Self.waitForRow(fleet, "policy", ["fifo", "fair"])
        var stopped = false
        other.stop { stopped = true }
        fleet.wait { stopped }
    }

    @Test func aReloadTakesBackWhatItNoLongerNames() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        fleet.client.declare(Self.file(["a": 1, "b": 2]))
        let holder = fleet.enqueue()
        let waiter = fleet.enqueue()
        fleet.wait { fleet.gateway.grants[holder] != nil && fleet.gateway.tickets[waiter] != nil }
        try Self.waitForRow(fleet, "tenant:b", [Self.limits(2).words, "-"])
        fleet.client.declare(Self.file(["a": 3]))
        try Self.waitForRow(fleet, "tenant:a", [Self.limits(3).words, "-"])
        try Self.waitForRow(fleet, "tenant:b", ["-", "-"])
        #expect(fleet.view().head.waiting == 1, "no waiter was lost")
        #expect(fleet.audit() == [])
    }

    @Test func tenThousandTenantsAreDeclaredInBatches() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        fleet.client.declare(Self.file(Dictionary(uniqueKeysWithValues: (0..<10_000).map { ("t\($0)", 1) })))
        try Self.waitForRow(fleet, "tenant:t9999", [Self.limits(1).words, "-"])
        let waiter = fleet.enqueue()
        fleet.wait { fleet.gateway.grants[waiter] != nil }
        #expect(fleet.gateway.notices == [])
    }

    @Test func anOperatorPausesAndResumes() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let boss = FleetOperator(loop: fleet.loop, endpoint: try fleet.server.endpoint(), fleet: "test")
        defer { boss.close() }
        func ask(_ order: (@escaping FleetOperator.Done) -> Void) -> Result<Void, FleetOperator.Failure>? {
            var result: Result<Void, FleetOperator.Failure>?
            order { result = $0 }
            fleet.wait { result != nil }
            return result
        }
        #expect(throws: FleetOperator.Failure.unknownPool("nowhere")) {
            try #require(ask { boss.pause("nowhere", done: $0) }).get()
        }
        #expect(throws: FleetOperator.Failure.badName("tenant:a b")) {
            try #require(ask { boss.setLimits(.default, of: "a b", done: $0) }).get()
        }
        try #require(ask { boss.pause("echo", done: $0) }).get()
        let waiter = fleet.enqueue()
        fleet.wait { fleet.gateway.tickets[waiter] != nil }
        #expect(fleet.gateway.grants[waiter] == nil)
        try #require(ask { boss.resume("echo|||raw", done: $0) }).get()
        #expect(fleet.view().poolCounts.contains { $0.isPaused }, "the label's pause is another one")
        try #require(ask { boss.resume("echo", done: $0) }).get()
        fleet.wait { fleet.gateway.grants[waiter] != nil }
        fleet.server.kill()
        let gone = FleetOperator(loop: fleet.loop, endpoint: try fleet.server.endpoint(), fleet: "test")
        defer { gone.close() }
        guard case .failure(.unavailable)? = ask({ gone.resume("echo", done: $0) }) else {
            Issue.record("answered without Redis")
            return
        }
        try fleet.server.start()
        fleet.wait { fleet.gateway.registeredAnew == 1 }
    }
}
