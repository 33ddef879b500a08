import EventLoop
import QueueCore
import TestSupport
import Testing

@testable import Queue

/// 16 gateways after the failure of a real Redis, each with many clients at once. In simulated time the same is told with
/// a Redis that is slower (SimulationTests).
@Suite struct FloodTests {
    private static let clientsEach = 2_000

    @Test func sixteenGatewaysComeBackTogetherAndLoseNoConnection() throws {
        let loop = try Loop()
        let server = try RedisServer(variant: .wanted)
        let endpoint = try server.endpoint()
        let records = (0..<16).map { _ in GatewayRecord() }
        let clients = try records.indices.map { number in
            let client = try #require(
                QueueClient(loop: loop, endpoint: endpoint, fleet: "test", node: "g\(number)"))
            client.delegate = records[number]
            client.declare(Declaration(scaleFromZero: ["echo"]))
            client.start()
            return client
        }
        func wait(_ what: Comment, _ condition: () -> Bool) {
            let held = loop.run(until: condition, timeoutMilliseconds: 120_000)
            #expect(held, what)
        }
        wait("all are there") { records.allSatisfy(\.available) }
        wait("all have heard of the settings, and can bring them back") {
            clients.allSatisfy { $0.settingsVersion > 0 }
        }
        server.kill()
        wait("all know that Redis is away") { records.allSatisfy { !$0.notices.isEmpty } }
        let selector = try #require(Selector(pattern: "echo"))
        let began = ContinuousClock.now
        var (queued, others) = (0, 0)
        for client in clients {
            for number in 0..<FloodTests.clientsEach {
                let request = EnqueueRequest(
                    waiter: WaiterID(high: Crypto.randomUInt64(), low: UInt64(number)), tenant: "t\(number % 8)",
                    selector: selector, headStartSeconds: 0, run: "", wait: true, ticket: nil, attempt: 0)
                client.enqueue(request) { if case .queued = $0 { queued += 1 } else { others += 1 } }
            }
        }
        try server.start()
        wait("all stand in line") { queued + others == 16 * FloodTests.clientsEach }
        #expect(others == 0)
        print("\(queued) clients of 16 gateways stood in line after", ContinuousClock.now - began)
        for record in records {
            let after = record.notices.drop { $0 != "Redis is back" }
            #expect(!after.isEmpty && !after.contains { $0.hasPrefix("Redis is away") }, "\(record.notices)")
        }
        var stopped = 0
        for client in clients { client.stop { stopped += 1 } }
        wait("all have left") { stopped == 16 }
        #expect(loop.close())
        server.end()
    }
}
