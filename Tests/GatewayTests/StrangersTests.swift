import EventLoop
import GatewayCore
import QueueCore
import Testing

@testable import Gateway

/// Connections that no tenant answers for: they take neither the descriptors of tenants, nor the log, nor the drain.
@Suite struct StrangersTests {
    private static let key = Crypto.sha256Hex(Array("one".utf8))
    private static let keyedHead = "GET /?token=one" + playwrightHead.dropFirst("GET /".count)

    private static func tenancy(parkedMax: Int? = nil) -> Tenancy {
        var limits = TenantLimits.default
        limits.parkedMax = parkedMax
        return Tenancy(tenants: [Tenant(name: "acme", keyHashes: [key], limits: limits)])
    }

    private func wait(_ stand: Stand, at location: SourceLocation = #_sourceLocation, _ condition: () -> Bool) {
        let cameTrue = stand.loop.run(until: condition, timeoutMilliseconds: 10_000)
        #expect(cameTrue, sourceLocation: location)
    }

    /// 128 open files leave room for 32 clients, and for 8 without a head.
    private func smallStand() throws -> Stand {
        try Stand(tenancy: Self.tenancy()) { $0.doorway.budget = DescriptorBudget(openFilesMax: 128) }
    }

    @Test func theOldestWithoutAHeadMakesRoomAndIsNotLogged() throws {
        let stand = try smallStand()
        let silent = (0..<40).map { _ in stand.connect() }
        wait(stand) { silent[..<32].allSatisfy(\.isEnded) }
        #expect(silent[..<32].allSatisfy { $0.received.isEmpty })
        #expect(silent[32...].allSatisfy { !$0.isEnded })
        #expect(stand.server.doorway.occupancy.parked == 8)
        let client = stand.connect()
        client.stream?.write(Self.keyedHead)
        wait(stand) { stand.server.waits.count == 1 }
        #expect(stand.logged("refusal").isEmpty)
        for visitor in silent + [client] { visitor.stream?.close() }
        wait(stand) { stand.server.doorway.occupancy.parked == 0 }
        stand.end()
        #expect(stand.logged("heads_dropped").count >= 1, "a count a second")
    }

    /// All of a burst are accepted before the loop reads the first head: none of them may be closed for the others.
    @Test func aBurstOfHeadsIsNotTakenForSilence() throws {
        let stand = try smallStand()
        let burst = (0..<28).map { _ in Visitor() }
        for visitor in burst {
            Stream.connect(
                loop: stand.loop, to: SocketAddress(host: "127.0.0.1", port: stand.server.port)!,
                timeoutMilliseconds: 5_000
            ) {
                visitor.connected($0)
                visitor.stream?.write(Self.keyedHead)
            }
        }
        wait(stand) { stand.server.waits.count == 28 }
        #expect(burst.allSatisfy { !$0.isEnded })
        for visitor in burst { visitor.stream?.close() }
        stand.end()
    }

    @Test(arguments: [true, false])
    func aClientThatLeftBeforeItsHeadWasReadIsNotQueued(_ inOrder: Bool) throws {
        let stand = try Stand(tenancy: Self.tenancy())
        let visitor = stand.connect()
        wait(stand) { stand.server.doorway.occupancy.parked == 1 }
        visitor.stream?.write(Self.keyedHead)
        if inOrder { visitor.stream?.close() } else { visitor.stream?.reset() }
        wait(stand) { stand.server.doorway.occupancy.parked == 0 }
        #expect(stand.logged("accept").isEmpty)
        stand.end()
    }

    @Test func theOldestOfThoseRefusedMakesRoom() throws {
        let stand = try smallStand()
        // 16 may linger. All read their words, also those that are closed for others.
        let refused = (0..<40).map { _ in stand.ask(playwrightHead) }
        #expect(refused.allSatisfy { $0.status == 401 && $0.error == nil })
        #expect(stand.server.doorway.occupancy.parked <= 16)
        for visitor in refused { visitor.stream?.close() }
        stand.end()
    }

    @Test func aTenantHasItsOwnBoundOnConnections() throws {
        let stand = try Stand(tenancy: Self.tenancy(parkedMax: 2))
        let held = (0..<2).map { _ in stand.connect() }
        for visitor in held { visitor.stream?.write(Self.keyedHead) }
        wait(stand) { stand.server.waits.count == 2 }
        let third = stand.ask(Self.keyedHead)
        #expect(third.status == 429)
        #expect(third.text.contains("tenant_connections"))
        #expect(third.text.contains("2 connections"))
        #expect(third.text.contains("Retry-After: "))
        held[0].stream?.close()
        wait(stand) { stand.server.waits.count == 1 }
        let fourth = stand.connect()
        fourth.stream?.write(Self.keyedHead)
        wait(stand) { stand.server.waits.count == 2 }
        stand.end(held[1], third, fourth)
    }

    @Test func refusalsAreSampledInTheLog() throws {
        let stand = try Stand(tenancy: Self.tenancy())
        let refused = (0..<50).map { _ in stand.ask(playwrightHead) }
        let other = stand.ask("hello\r\n")
        for visitor in refused + [other] { visitor.stream?.close() }
        wait(stand) { stand.server.doorway.occupancy.parked == 0 }
        stand.end()
        let counts = stand.logged("refusals").compactMap { line in
            line.firstMatch(of: #/"code":"unauthorized","count":(\d+)/#).flatMap { Int($0.output.1) }
        }
        let lines = stand.logged("refusal").filter { $0.contains("unauthorized") }.count
        #expect(lines + counts.reduce(0, +) == 50, "each has a line or is counted")
        #expect(lines < 25, "one a second, and 50 take less than that")
        #expect(stand.logged("refusal").contains { $0.contains("bad_request") })
    }

    @Test(arguments: ["OPTIONS / HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: any\r\n\r\n"])
    func aBalancersCheckNeedsNoKeyAndWritesNoLine(_ text: String) throws {
        let stand = try Stand(tenancy: Self.tenancy(), drainTimeoutMilliseconds: 10_000)
        let held = stand.connect()
        held.stream?.write(Self.keyedHead)
        wait(stand) { stand.server.waits.count == 1 }
        let check = stand.ask(text)
        #expect(check.status == 204)
        var isDone = false
        stand.server.drain { isDone = true }
        let late = stand.ask(text)
        #expect(late.status == 503)
        #expect(stand.logged("refusal").isEmpty)
        for visitor in [held, check, late] { visitor.stream?.close() }
        wait(stand) { isDone }
        #expect(stand.loop.close())
    }

    /// New clients come faster than they are gone: the drain counts waits and sessions only.
    @Test func aDrainEndsWhoeverStillConnects() throws {
        let stand = try Stand(tenancy: Self.tenancy(), drainTimeoutMilliseconds: 600_000)
        let held = stand.connect()
        held.stream?.write(Self.keyedHead)
        wait(stand) { stand.server.waits.count == 1 }
        var isDone = false
        stand.server.drain { isDone = true }
        // One that never reads its answer's end, and one that never says anything.
        let refused = stand.ask(Self.keyedHead)
        #expect(refused.text.contains("shutting_down"))
        let silent = stand.connect()
        held.stream?.close()
        wait(stand) { isDone }
        #expect(silent.text.contains("shutting_down"))
        for visitor in [refused, silent] { visitor.stream?.close() }
        #expect(stand.loop.close())
    }

    /// More clients than one turn of the loop accepts are in the backlog when the drain ends.
    @Test func aDrainAnswersItsBacklog() throws {
        let stand = try Stand(tenancy: Self.tenancy(), drainTimeoutMilliseconds: 600_000)
        let visitors = (0..<20).map { _ in Visitor() }
        let address = try #require(SocketAddress(host: "127.0.0.1", port: stand.server.port))
        let clients = try Loop()
        for visitor in visitors {
            EventLoop.Stream.connect(loop: clients, to: address, timeoutMilliseconds: 5_000) {
                visitor.connected($0)
                visitor.stream?.write(Self.keyedHead)
            }
        }
        #expect(clients.run(until: { visitors.allSatisfy { $0.stream != nil } }, timeoutMilliseconds: 5_000))
        var isDone = false
        stand.server.drain { isDone = true }
        // Two loops in one thread take turns.
        let end = clients.now + 10_000
        while !isDone || !visitors.allSatisfy(\.isEnded), clients.now < end {
            _ = stand.loop.run(until: { isDone }, timeoutMilliseconds: 5)
            _ = clients.run(until: { visitors.allSatisfy(\.isEnded) }, timeoutMilliseconds: 5)
            for visitor in visitors where visitor.isEnded { visitor.stream?.close() }
        }
        #expect(isDone)
        #expect(visitors.filter { $0.text.contains("shutting_down") }.count == visitors.count)
        for visitor in visitors { visitor.stream?.close() }
        #expect(clients.close())
        #expect(stand.loop.close())
    }
}
