import EventLoop
import GatewayCore
import Glibc
import Queue
import QueueCore
import TestSupport
import Testing

@testable import Gateway

/// Clients, a gateway and workers on a real Redis, in one loop.
@Suite struct HoldingTests {
    @Test func waitersAreServedInTheirOrder() throws {
        let site = try Site()
        let visitors = (0..<4).map { _ in site.visit() }
        for (index, visitor) in visitors.enumerated() {
            site.wait { visitor.text.contains(" 101 ") }
            visitor.stream?.write("hello")
            site.wait { visitor.text.hasSuffix("hello") }
            #expect(visitors[(index + 1)...].allSatisfy { $0.received.isEmpty })
            visitor.stream?.close()
        }
        site.wait { site.logged("end").count == 4 }
        #expect(site.logged("grant").count == 4)
        #expect(site.logged("end").allSatisfy { $0.contains("\"outcome\":\"served\"") })
        #expect(site.workers[0].heads.allSatisfy { $0.hasPrefix("GET /x HTTP/1.1\r\n") })
        site.end()
    }

    @Test func aClientThatLeavesNeverGetsASlot() throws {
        let site = try Site()
        let (first, second, third) = (site.visit(), site.visit(), site.visit())
        site.wait { first.text.contains(" 101 ") }
        second.stream?.close()
        site.wait { site.logged("end").count == 1 }
        first.stream?.close()
        site.wait { third.text.contains(" 101 ") }
        #expect(site.logged("grant").count == 2)
        third.stream?.close()
        site.end()
    }

    @Test func aClientThatLeavesMidDialGivesTheSlotBackThroughTheWorker() throws {
        let site = try Site()
        site.workers[0].manner = .sayNothing
        let first = site.visit()
        site.wait { site.workers[0].heads.count == 1 }
        let second = site.visit()
        site.workers[0].manner = .serve
        first.stream?.close()
        site.wait { second.text.contains(" 101 ") }
        #expect(site.logged("grant").count == 2)
        second.stream?.close()
        site.end()
    }

    @Test func anotherWorkerServesWhenOneCannotBeReached() throws {
        let site = try Site(workers: 2)
        site.workers[0].vanish()
        let visitors = [site.visit(), site.visit()]
        // The one that met the dead address is served second, by the slot of the other.
        for _ in visitors {
            site.wait { visitors.contains { $0.isOpen && $0.text.contains(" 101 ") } }
            for visitor in visitors where visitor.text.contains(" 101 ") { visitor.stream?.close() }
        }
        #expect(site.logged("refusal").isEmpty)
        site.end()
    }

    @Test func aWaiterKeepsItsPlaceWhenItsWorkerRejects() throws {
        let site = try Site()
        site.workers[0].manner = .refuse(.failed)
        let visitor = site.visit()
        site.wait { site.workers[0].heads.count >= 1 }
        site.workers[0].manner = .serve
        site.wait { visitor.text.contains(" 101 ") }
        visitor.stream?.close()
        site.end()
    }

    @Test func aWorkerThatHangsUpIsTriedAgainByItsProbe() throws {
        let site = try Site()
        site.workers[0].manner = .hangUp
        let visitor = site.visit()
        site.wait { site.logged("reject").count == 1 }
        site.workers[0].manner = .serve
        site.wait { visitor.text.contains(" 101 ") }
        #expect(site.logged("refusal").isEmpty)
        visitor.stream?.close()
        site.end()
    }

    @Test func aWaitEndsInWords() throws {
        let site = try Site()
        let first = site.visit()
        site.wait { first.text.contains(" 101 ") }
        let impatient = site.visit("/pool/echo/x?wait=0")
        let patient = site.visit("/pool/echo/x?wait=200ms")
        let lost = site.visit("/pool/nowhere")
        site.wait { impatient.isEnded && patient.isEnded && lost.isEnded }
        #expect(impatient.status == 429)
        #expect(impatient.text.contains("would_wait"))
        #expect(patient.status == 503)
        #expect(patient.text.contains("wait_timeout"))
        #expect(patient.text.contains("\r\nx-berth-reason: capacity\r\n"))
        #expect(patient.text.contains("\"reason\":\"capacity\""))
        #expect(site.logged("refusal").contains { $0.contains("\"reason\":\"capacity\"") })
        #expect(lost.status == 404)
        #expect(lost.text.contains("unknown_pool"))
        for visitor in [first, impatient, patient, lost] { visitor.stream?.close() }
        site.end()
    }

    @Test func tenantsAreHeldAtTheirCaps() throws {
        let site = try Site(
            slots: 3, tenancy: Tenancy(tenants: [Tenant(name: "small", keyHashes: [], limits: limits(cap: 1))]))
        let (first, second) = (site.visit(tenant: "small"), site.visit(tenant: "small"))
        let other = site.visit(tenant: "big")
        site.wait { first.text.contains(" 101 ") && other.text.contains(" 101 ") }
        #expect(second.received.isEmpty)
        first.stream?.close()
        site.wait { second.text.contains(" 101 ") }
        second.stream?.close()
        other.stream?.close()
        site.end()
    }

    @Test func aWaitThatEndsAtTheCapSaysHowManyItsTenantHolds() throws {
        let site = try Site(
            slots: 3, tenancy: Tenancy(tenants: [Tenant(name: "small", keyHashes: [], limits: limits(cap: 1))]))
        let first = site.visit(tenant: "small")
        site.wait { first.text.contains(" 101 ") }
        let second = site.visit("/pool/echo/x?wait=100ms", tenant: "small")
        site.wait { second.isEnded }
        #expect(second.text.contains("\r\nx-berth-reason: tenant_cap\r\n"))
        #expect(second.text.contains("tenant small holds 1 of its 1; retry in"))
        for visitor in [first, second] { visitor.stream?.close() }
        site.end()
    }

    /// Redis does not answer at all: the client hears so at its deadline and `verdictMilliseconds` later at most.
    @Test func aWaitThatEndsWhileRedisIsAwayIsRecovering() throws {
        let site = try Site()
        let first = site.visit()
        site.wait { first.text.contains(" 101 ") }
        let second = site.visit("/pool/echo/x?wait=300ms")
        site.wait { site.gateway.waits.values.contains { $0.machine.state == .waiting } }
        site.redis.pause()
        site.wait { second.isEnded }
        #expect(second.status == 503)
        #expect(second.text.contains("\r\nx-berth-reason: recovering\r\n"))
        #expect(second.text.contains("the queue's store did not answer"))
        site.redis.resume()
        for visitor in [first, second] { visitor.stream?.close() }
        site.end()
    }

    @Test func aGatewayWithoutDescriptorsDoesNotTurnInCircles() throws {
        let site = try Site()
        let first = site.visit()
        site.wait { first.text.contains(" 101 ") }
        let second = site.visit()
        site.wait { site.gateway.waits.values.contains { $0.machine.state == .waiting } }
        let before = Descriptors.limit(1)
        let began = site.loop.now
        first.stream?.close()
        site.wait { site.logged("dial_failed").count == 3 }
        #expect(site.loop.now - began >= 2 * GatewayLimits.localPauseMilliseconds)
        _ = Descriptors.limit(before)
        site.wait { second.text.contains(" 101 ") }
        #expect(site.logged("refusal").isEmpty)
        second.stream?.close()
        site.end()
    }

    @Test func waitersOutliveARedisThatLostEverything() throws {
        let site = try Site()
        let first = site.visit()
        site.wait { first.text.contains(" 101 ") }
        let second = site.visit()
        site.wait { site.gateway.waits.values.contains { $0.machine.state == .waiting } }
        first.stream?.write("before")
        site.wait { first.text.hasSuffix("before") }
        site.redis.kill()
        try site.redis.start()
        first.stream?.write("after")
        site.wait { first.text.hasSuffix("after") }
        site.wait { site.logged("enqueue_again").count == 1 }
        first.stream?.close()
        site.wait { second.text.contains(" 101 ") }
        #expect(site.logged("refusal").isEmpty)
        second.stream?.close()
        site.end()
    }
}

private enum Descriptors {
    /// Sets how many files this process may have open; what is open stays. Returns what it was.
    static func limit(_ count: UInt) -> UInt {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        getrlimit(resource, &limit)
        let before = limit.rlim_cur
        limit.rlim_cur = count
        setrlimit(resource, &limit)
        return before
    }
}

private func limits(cap: Int) -> TenantLimits {
    TenantLimits(cap: cap, queueMax: 10, waitMaxMilliseconds: 60_000, priorityMaxSeconds: 0, weight: 1)
}

final class Site {
    let loop: Loop
    let redis: RedisServer
    let gateway: GatewayServer
    let workers: [EchoWorker]
    private let read: () -> [String]
    private var visitors: [Visitor] = []

    init(workers count: Int = 1, slots: Int = 1, tenancy: Tenancy = Tenancy(tenants: [])) throws {
        let loop = try Loop()
        self.loop = loop
        redis = try RedisServer()
        let endpoint = try redis.endpoint()
        final class Box { var lines: [String] = [] }
        let box = Box()
        gateway = try GatewayServer(
            loop: loop,
            settings: GatewaySettings(
                listen: SocketAddress(host: "127.0.0.1", port: 0)!, fleet: "test", node: "gateway", redis: endpoint,
                secrets: [Array("secret".utf8)], tenancy: tenancy, drainTimeoutMilliseconds: 1_000),
            log: EventLog(minimum: .debug) { box.lines.append(String(decoding: $0, as: UTF8.self)) })
        read = { box.lines }
        workers = try (0..<count).map {
            try EchoWorker(loop: loop, redis: endpoint, node: "worker\($0)", slots: slots)
        }
        try gateway.start()
        for worker in workers { worker.start() }
        wait { self.logged("probe").count >= count }
    }

    func logged(_ event: String) -> [String] { read().filter { $0.contains("\"event\":\"\(event)\"") } }

    func visit(_ target: String = "/pool/echo/x", tenant: String = "default") -> Visitor {
        let visitor = Visitor()
        visitors.append(visitor)
        let address = SocketAddress(host: "127.0.0.1", port: gateway.port)!
        Stream.connect(loop: loop, to: address, timeoutMilliseconds: 5_000) { visitor.connected($0) }
        wait { visitor.stream != nil }
        let accepted = logged("accept").count
        visitor.stream?.write(
            playwrightHead.replacing("GET / ", with: "GET \(target) ").replacing(
                "Host:", with: "x-berth-tenant: \(tenant)\r\nHost:"))
        wait { self.logged("accept").count > accepted }
        return visitor
    }

    func wait(_ condition: () -> Bool, at location: SourceLocation = #_sourceLocation) {
        let cameTrue = loop.run(until: condition, timeoutMilliseconds: 30_000)
        #expect(cameTrue, "came true in 30 s", sourceLocation: location)
        if !cameTrue { print(read().joined()) }
    }

    func end() {
        for visitor in visitors { visitor.stream?.close() }
        var ended = 0
        gateway.drain { ended += 1 }
        wait { ended == 1 }
        for worker in workers {
            worker.vanish()
            worker.registry.stop { ended += 1 }
        }
        wait { ended == 1 + self.workers.count }
        #expect(loop.close(), "no handle is left")
        redis.end()
    }
}
