import EventLoop
import GatewayCore
import QueueCore
import RedisClient
import Testing

@testable import Gateway

@Suite struct GatewayServerTests {
    @Test func answersDiscoveryWithoutRedis() throws {
        let stand = try Stand()
        let visitor = stand.ask("GET /json HTTP/1.1\r\nHost: localhost:1\r\n\r\n")
        #expect(visitor.status == 200)
        #expect(visitor.text.hasSuffix("\"ws://localhost:1/cdp\",\"wsEndpointPath\":\"/\"}"))
        stand.end(visitor)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 426), ("hello\r\n\r\n", 400), ("\u{16}\u{03}\u{01}", 400),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403), ("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", 405), (playwrightHead + "x", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "a", count: 100_000), 431),
    ])
    func refusesInWords(_ text: String, _ status: Int) throws {
        let stand = try Stand()
        let visitor = stand.ask(text)
        #expect(visitor.status == status)
        #expect(visitor.error == nil)
        #expect(stand.logged("refusal").count == 1)
        stand.end(visitor)
    }

    @Test func readsAHeadThatComesByteByByte() throws {
        let stand = try Stand()
        let visitor = stand.connect()
        for byte in playwrightHead.utf8.dropLast() {
            visitor.stream?.write([byte])
            #expect(stand.loop.run(until: { true }, timeoutMilliseconds: 1_000))
        }
        #expect(stand.logged("accept").isEmpty)
        visitor.stream?.write("\n")
        #expect(stand.loop.run(until: { !stand.logged("accept").isEmpty }, timeoutMilliseconds: 5_000))
        stand.end(visitor)
    }

    @Test func endsAHeadThatDoesNotComeInTime() throws {
        let stand = try Stand { $0.headMillisecondsMax = 50 }
        let visitor = stand.connect()
        visitor.stream?.write("GET / HT")
        #expect(stand.loop.run(until: { visitor.isEnded }, timeoutMilliseconds: 5_000))
        #expect(visitor.status == 408)
        #expect(visitor.text.contains("\"code\":\"head_timeout\""))
        stand.end(visitor)
    }

    @Test func refusesNewClientsOnceRedisIsAway() throws {
        let stand = try Stand()
        let first = stand.connect()
        first.stream?.write(playwrightHead)
        #expect(stand.loop.run(until: { stand.logged("accept").count == 1 }, timeoutMilliseconds: 5_000))
        #expect(!first.isEnded)
        #expect(stand.loop.run(until: { first.isEnded }, timeoutMilliseconds: 5_000))
        #expect(first.status == 503)
        #expect(first.text.contains("store_unavailable"))
        let second = stand.ask(playwrightHead)
        #expect(second.status == 503)
        #expect(second.text.contains("Retry-After: "))
        stand.end(first, second)
    }

    @Test func bytesBehindTheHeadBreakTheWait() throws {
        let stand = try Stand()
        let visitor = stand.connect()
        visitor.stream?.write(playwrightHead)
        #expect(stand.loop.run(until: { stand.logged("accept").count == 1 }, timeoutMilliseconds: 5_000))
        visitor.stream?.write("x")
        #expect(stand.loop.run(until: { visitor.isEnded }, timeoutMilliseconds: 5_000))
        #expect(visitor.status == 400)
        #expect(stand.server.waits.isEmpty)
        stand.end(visitor)
    }

    @Test(arguments: [true, false])
    func clientThatLeavesIsForgottenAtOnce(_ inOrder: Bool) throws {
        let stand = try Stand()
        let visitor = stand.connect()
        visitor.stream?.write(playwrightHead)
        #expect(stand.loop.run(until: { stand.server.waits.count == 1 }, timeoutMilliseconds: 5_000))
        weak let wait = stand.server.waits.values.first
        weak let client = wait?.owner
        #expect(wait != nil && client != nil)
        if inOrder { visitor.stream?.close() } else { visitor.stream?.reset() }
        #expect(stand.loop.run(until: { stand.server.waits.isEmpty }, timeoutMilliseconds: 1_000))
        // Its enqueue was never sent, because there is no Redis: nothing of it waits to be sent.
        #expect(stand.loop.run(until: { wait == nil && client == nil }, timeoutMilliseconds: 1_000))
        #expect(stand.logged("end").count == 1)
        #expect(stand.logged("end").allSatisfy { $0.contains("\"outcome\":\"left\"") })
        stand.end(visitor)
    }

    @Test func refusesWithWordsBeyondItsDescriptors() throws {
        // base 64 and reserve 24 of 96 leave room for 8.
        let stand = try Stand { $0.doorway.budget = DescriptorBudget(openFilesMax: 96) }
        let parked = (0..<8).map { number in
            let visitor = stand.connect()
            visitor.stream?.write(playwrightHead)
            #expect(stand.loop.run(until: { stand.server.waits.count > number }, timeoutMilliseconds: 5_000))
            return visitor
        }
        let refused = (0..<20).map { _ in stand.connect() }
        #expect(stand.loop.run(until: { refused.allSatisfy(\.isEnded) }, timeoutMilliseconds: 5_000))
        #expect(refused.allSatisfy { $0.status == 503 && $0.text.contains("gateway_full") && $0.error == nil })
        #expect(parked.allSatisfy { !$0.isEnded })
        for visitor in parked + refused { visitor.stream?.close() }
        #expect(stand.loop.run(until: { stand.server.deadlines.count == 0 }, timeoutMilliseconds: 5_000))
        let last = stand.ask("GET /json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(last.status == 200)
        stand.end(last)
    }

    @Test func drainTellsNewClientsAndServesThoseItHolds() throws {
        let stand = try Stand(drainTimeoutMilliseconds: 300)
        let held = stand.connect()
        held.stream?.write(playwrightHead)
        #expect(stand.loop.run(until: { stand.server.waits.count == 1 }, timeoutMilliseconds: 5_000))
        var isDone = false
        stand.server.drain { isDone = true }
        let late = stand.ask(playwrightHead)
        #expect(late.text.contains("shutting_down"))
        #expect(!held.isEnded)
        #expect(stand.loop.run(until: { held.isEnded }, timeoutMilliseconds: 5_000))
        #expect(held.text.contains("shutting_down"))
        held.stream?.close()
        late.stream?.close()
        #expect(stand.loop.run(until: { isDone }, timeoutMilliseconds: 5_000))
        #expect(stand.loop.close())
    }

    @Test func answersNeedNoKeyButWaitsDo() throws {
        let key = Crypto.sha256Hex(Array("one".utf8))
        let stand = try Stand(
            tenancy: Tenancy(tenants: [Tenant(name: "acme", keyHashes: [key], limits: .default)]))
        let discovery = stand.ask("GET /json/version/ HTTP/1.1\r\nHost: any\r\n\r\n")
        #expect(discovery.status == 200)
        let without = stand.ask(playwrightHead)
        #expect(without.status == 401)
        let with = stand.connect()
        with.stream?.write("GET /?token=one" + playwrightHead.dropFirst("GET /".count))
        #expect(stand.loop.run(until: { stand.server.waits.count == 1 }, timeoutMilliseconds: 5_000))
        #expect(stand.logged("accept").allSatisfy { $0.contains("\"tenant\":\"acme\"") && !$0.contains("one\"") })
        stand.end(discovery, without, with)
    }

    @Test func saysWhyItCannotListen() throws {
        let stand = try Stand()
        let settings = GatewaySettings(
            listen: SocketAddress(host: "127.0.0.1", port: stand.server.port)!, fleet: "test", node: "gw",
            redis: try RedisEndpoint(url: "redis://127.0.0.1:1"), secrets: [], tenancy: Tenancy(tenants: []))
        let second = try GatewayServer(loop: stand.loop, settings: settings, log: EventLog { _ in })
        do {
            try second.start()
            Issue.record("listened twice")
        } catch {
            #expect(error.description.contains("127.0.0.1:\(stand.server.port)"))
        }
        stand.end()
    }

    @Test func aWorkerThatStaysAwayIsToldOnce() throws {
        let stand = try Stand()
        let worker = try #require(ProcessID(node: "w", generation: 1))
        let listener = try Listener(loop: stand.loop, address: #require(SocketAddress("127.0.0.1:0"))) { $0.close() }
        let address = "127.0.0.1:\(listener.port)"
        for probe in 0..<4 {
            if probe == 2 { listener.close() }
            stand.server.queueClient(stand.server.queue, probe: worker, address: address)
            #expect(
                stand.loop.run(until: { stand.server.dialer.probes.isEmpty }, timeoutMilliseconds: 5_000))
            #expect(stand.logged("probe").count == probe / 2 + 1, "one line a reason")
        }
        stand.end()
    }

    @Test func aReloadWithoutKeysNeverOpensAListenerThatOthersReach() throws {
        let loop = try Loop()
        let keyed = Tenancy(tenants: [
            Tenant(name: "acme", keyHashes: [Crypto.sha256Hex(Array("key".utf8))], limits: .default)
        ])
        func server(listen: String) throws -> GatewayServer {
            try GatewayServer(
                loop: loop,
                settings: GatewaySettings(
                    listen: #require(SocketAddress(listen)), fleet: "test", node: "gw",
                    redis: RedisEndpoint(url: "unix:///nonexistent/berth-test.sock"), secrets: [], tenancy: keyed),
                log: EventLog { _ in })
        }
        let open = Tenancy(tenants: [])
        let everywhere = try server(listen: "0.0.0.0:0")
        #expect(throws: GatewayFailure.self) { try everywhere.reload(open) }
        #expect(!everywhere.admission.tenancy.isOpen, "the keys are as they were")
        try everywhere.reload(Tenancy(tenants: [], allowsForeignHosts: true))
        try server(listen: "127.0.0.1:0").reload(open)
        #expect(loop.close())
    }
}
