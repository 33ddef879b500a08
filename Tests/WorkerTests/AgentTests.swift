import EventLoop
import Glibc
import Queue
import QueueCore
import RedisClient
import TestSupport
import Testing
import WorkerCore

@testable import Worker

/// A whole worker on a real Redis; the gateway is a queue client and its dials.
@Suite(.serialized) struct AgentTests {
    @Test func clientsAreServedOneAfterTheOther() throws {
        let site = try Site(slots: 1)
        let first = site.enqueue()
        let second = site.enqueue()
        site.wait { site.gateway.grants[first] != nil }
        let peer = try site.dial(first)
        site.wait { peer.text.contains("\r\n\r\n") }
        #expect(peer.text.hasPrefix("BERTH1 PROOF "))
        #expect(site.gateway.grants[second] == nil)
        let renewed = site.loop.now + 2_500
        site.wait { site.loop.now > renewed }
        peer.finish()
        site.wait { site.gateway.grants[second] != nil }
        let next = try site.dial(second)
        site.wait { next.text.contains("\r\n\r\n") }
        site.end()
    }

    @Test func aGatewayThatGivesUpTheDialFreesTheSlotThroughTheWorker() throws {
        let site = try Site(slots: 1)
        let first = site.enqueue()
        site.wait { site.gateway.grants[first] != nil }
        let peer = try site.dial(first, head: "GET / HTTP/1.1\r\n")
        var cancelled = false
        site.client.cancel(first, tenant: "t", lease: site.gateway.grants[first]?.lease, dialed: true) {
            cancelled = true
        }
        site.wait { cancelled }
        peer.close()
        // The worker never saw the whole grant; Redis tells it that the slot recycles from that token.
        let second = site.enqueue()
        site.wait { site.gateway.grants[second] != nil }
        site.end()
    }

    @Test func withoutRedisNobodyNewIsServedAndSessionsGoOn() throws {
        let site = try Site(slots: 2)
        let first = site.enqueue()
        let second = site.enqueue()
        site.wait { site.gateway.grants[first] != nil && site.gateway.grants[second] != nil }
        let served = try site.dial(first)
        site.wait { served.text.contains("\r\n\r\n") }
        site.server.pause()
        let refused = try site.dial(second)
        site.wait { refused.isEnded }
        #expect(refused.text.hasPrefix("BERTH1 REJECT failed "))
        served.write("still here")
        site.wait { served.text.hasSuffix("still here") }
        site.server.resume()
        // The verdict reaches Redis, the waiter is granted again.
        site.wait { site.gateway.grants[second]?.lease.attempt == 2 }
        let again = try site.dial(second)
        site.wait { again.text.contains("\r\n\r\n") }
        served.write("and here")
        site.wait { served.text.hasSuffix("and here") }
        site.end()
    }

    @Test func anOutageOfRedisIsToldWhenItChanges() throws {
        let site = try Site(slots: 1)
        func lines(_ event: String) -> Int { site.lines.count { $0.contains("\"event\":\"\(event)\"") } }
        site.server.kill()
        // Time for half a dozen attempts.
        let later = site.loop.now + 2_000
        site.wait { site.loop.now > later }
        #expect(lines("redis") == 1)
        let notices = site.lines.filter { $0.contains("\"event\":\"notice\"") }.map { $0.drop { $0 != "," } }
        #expect(notices.count == Set(notices).count, "each reason once")
        #expect(site.gateway.notices.count == Set(site.gateway.notices).count)
        try site.server.start()
        site.wait { lines("registered") == 2 }
        #expect(site.lines.count { $0.contains("Redis is back") } == 1)
        site.end()
    }

    @Test func aDrainEndsInTime() throws {
        let site = try Site(slots: 2, drainTimeoutMilliseconds: 300)
        let first = site.enqueue()
        site.wait { site.gateway.grants[first] != nil }
        let peer = try site.dial(first)
        site.wait { peer.text.contains("\r\n\r\n") }
        var isOver = false
        site.agent.drain { isOver = true }
        site.wait { peer.isEnded && isOver }
        #expect(site.lines.contains { $0.contains("\"event\":\"end\"") && $0.contains("\"reason\":\"drained\"") })
        #expect(site.lines.contains { $0.contains("\"event\":\"stopped\"") })
        site.end()
    }

    @Test func aNewerWorkerOfTheSameNodeTakesOver() throws {
        let site = try Site(slots: 1)
        var isSuperseded = false
        site.agent.onDrained = { isSuperseded = true }
        let newer = WorkerAgent(loop: site.loop, settings: site.settings, version: "test", log: site.log)
        try newer.start()
        site.wait { isSuperseded }
        #expect(site.lines.contains { $0.contains("\"event\":\"superseded\"") })
        let waiter = site.enqueue()
        site.wait { site.gateway.grants[waiter] != nil }
        #expect(site.gateway.grants[waiter]?.worker == newer.id)
        site.end(also: newer)
    }

    @Test func anOperatorsDrainLetsTheSessionEnd() throws {
        let site = try Site(slots: 2, drainTimeoutMilliseconds: 60_000)
        let first = site.enqueue()
        site.wait { site.gateway.grants[first] != nil }
        let peer = try site.dial(first)
        site.wait { peer.text.contains("\r\n\r\n") }
        var isDrained = false
        site.agent.onDrained = { isDrained = true }
        let boss = FleetOperator(loop: site.loop, endpoint: site.settings.redis, fleet: "f")
        var answer: Result<String, FleetOperator.Failure>?
        boss.drain("w") { answer = $0 }
        site.wait { answer != nil && site.lines.contains { $0.contains("\"event\":\"drain_ordered\"") } }
        #expect(answer == .success(try #require(site.agent.id).text))
        #expect(!isDrained && !peer.isEnded)
        peer.close()
        site.wait { isDrained }
        boss.drain("w") { answer = $0 }
        site.wait { answer == .failure(.unknownWorker("w", there: [])) }
        boss.close()
        site.end()
    }

    @Test func anOldWorkerDrainsByItself() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let folder = try TemporaryFolder()
        var lines: [String] = []
        let settings = WorkerSettings(
            fleet: "f", node: "w", secrets: [Bench.secret], listen: try #require(SocketAddress("127.0.0.1:0")),
            redis: try server.endpoint(),
            pools: [
                WorkerPool(PoolPlan(pool: try #require(Pool("echo|||raw")), slots: 1), kind: CommandKind(echoSidecar))
            ],
            workFolder: folder.path, maxAgeMilliseconds: 100)
        let agent = WorkerAgent(
            loop: loop, settings: settings, version: "test",
            log: EventLog { lines.append(String(decoding: $0, as: UTF8.self)) })
        var isDrained = false
        agent.onDrained = { isDrained = true }
        try agent.start()
        #expect(loop.run(until: { isDrained }, timeoutMilliseconds: 20_000))
        #expect(lines.contains { $0.contains("\"event\":\"aged\"") })
        loop.run()
        #expect(loop.close())
        server.end()
    }

    @Test func aWorkerThatNoGatewayReachesSaysSoOnce() throws {
        let loop = try Loop()
        let server = try RedisServer()
        let folder = try TemporaryFolder()
        var lines: [String] = []
        let settings = WorkerSettings(
            fleet: "f", node: "w", secrets: [Bench.secret], listen: try #require(SocketAddress("127.0.0.1:0")),
            advertised: "worker.example:3131", redis: try server.endpoint(),
            pools: [
                WorkerPool(PoolPlan(pool: try #require(Pool("echo|||raw")), slots: 1), kind: CommandKind(echoSidecar))
            ],
            workFolder: folder.path)
        let agent = WorkerAgent(
            loop: loop, settings: settings, version: "test",
            log: EventLog { lines.append(String(decoding: $0, as: UTF8.self)) })
        agent.unreachedMilliseconds = 50
        try agent.start()
        func told() -> [String] { lines.filter { $0.contains("\"event\":\"unprobed\"") } }
        #expect(loop.run(until: { !told().isEmpty }, timeoutMilliseconds: 10_000))
        #expect(told().first?.contains("worker.example:3131") == true)
        server.kill()
        try server.start()
        #expect(
            loop.run(
                until: { lines.count { $0.contains("\"event\":\"registered\"") } == 2 }, timeoutMilliseconds: 20_000))
        _ = loop.run(until: { told().count > 1 }, timeoutMilliseconds: 100)
        #expect(told().count == 1)
        var isOver = false
        agent.drain { isOver = true }
        #expect(loop.run(until: { isOver }, timeoutMilliseconds: 10_000))
        loop.run()
        #expect(loop.close())
        server.end()
    }

    /// Anybody who reaches the port can connect; only who shows a grant at once is worth a place.
    @Test func peersThatSayNothingKeepNoGatewayOut() throws {
        let site = try Site(slots: 1, pendingConnectionsMax: 4)
        // From here on its address is known as a gateway's.
        site.wait { site.gateway.probesAnswered > 0 }
        let silent = (0..<8).map { _ in Peer(loop: site.loop, port: site.agent.port, greeting: "B") }
        site.wait { silent.prefix(4).allSatisfy(\.isEnded) }
        let waiter = site.enqueue()
        site.wait { site.gateway.grants[waiter] != nil }
        let peer = try site.dial(waiter)
        site.wait { peer.text.contains("\r\n\r\n") }
        #expect(silent.count(where: \.isEnded) <= 6)
        for peer in silent { peer.close() }
        site.end()
    }

    @Test(arguments: [
        (nil, "/tmp"), ("/var/tmp", "/var/tmp"), ("/run/user/1/", "/run/user/1"), ("relative", "/tmp"), ("", "/tmp"),
        ("/", "/tmp"),
    ])
    func workFoldersFollowTMPDIR(_ set: String?, _ folder: String) {
        #expect(WorkerSettings.workFolder(environment: set.map { ["TMPDIR": $0] } ?? [:]) == folder)
    }

    @Test func startFailsInWords() throws {
        let loop = try Loop()
        let busy = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { $0.close() }
        func failure(_ change: (inout WorkerSettings) -> Void) throws -> String {
            var settings = WorkerSettings(
                fleet: "f", node: "n", secrets: [[1]], listen: try #require(SocketAddress("127.0.0.1:0")),
                redis: try RedisEndpoint(url: "unix:///nowhere.sock"),
                pools: [
                    WorkerPool(PoolPlan(pool: try #require(Pool("a|||raw")), slots: 1), kind: CommandKind(["true"]))
                ])
            change(&settings)
            let agent = WorkerAgent(loop: loop, settings: settings, version: "test", log: EventLog { _ in })
            return #expect(throws: WorkerFailure.self) { try agent.start() }?.description ?? ""
        }
        #expect(
            try failure {
                $0.secrets = []
                $0.listen = SocketAddress("0.0.0.0:0")!
            }.contains("NODE_SECRET"))
        #expect(try failure { $0.pools = [] }.contains("at least one slot"))
        #expect(try failure { $0.node = "a b" }.contains("no node id"))
        #expect(try failure { $0.workFolder = "/nowhere" }.contains("work folder"))
        #expect(try failure { $0.listen = SocketAddress("127.0.0.1:\(busy.port)")! }.contains("cannot listen"))
        busy.close()
        loop.run()
        #expect(loop.close())
    }
}

/// One worker, one gateway, one Redis.
private final class Site {
    let loop: Loop
    let server: RedisServer
    let client: QueueClient
    let gateway: GatewayRecord
    let agent: WorkerAgent
    let settings: WorkerSettings
    let log: EventLog
    private let folder: TemporaryFolder
    private final class Lines { var all: [String] = [] }
    private let record = Lines()
    var lines: [String] { record.all }

    init(slots: Int, drainTimeoutMilliseconds: UInt64 = 1_000, pendingConnectionsMax: Int? = nil) throws {
        loop = try Loop()
        server = try RedisServer()
        folder = try TemporaryFolder()
        let endpoint = try server.endpoint()
        settings = WorkerSettings(
            fleet: "f", node: "w", secrets: [Bench.secret], listen: try #require(SocketAddress("127.0.0.1:0")),
            redis: endpoint,
            pools: [
                WorkerPool(
                    PoolPlan(pool: try #require(Pool("echo|||raw")), slots: slots), kind: CommandKind(echoSidecar))
            ], drainTimeoutMilliseconds: drainTimeoutMilliseconds,
            workFolder: folder.path)
        log = EventLog { [record] in record.all.append(String(decoding: $0, as: UTF8.self)) }
        agent = WorkerAgent(loop: loop, settings: settings, version: "test", log: log)
        if let pendingConnectionsMax { agent.pendingConnectionsMax = pendingConnectionsMax }
        try agent.start()
        client = try #require(QueueClient(loop: loop, endpoint: endpoint, fleet: "f", node: "g"))
        gateway = GatewayRecord(loop: loop)
        client.delegate = gateway
        client.start()
        wait { self.gateway.probes > 0 && self.lines.count { $0.contains("\"state\":\"free\"") } == slots }
    }

    func wait(_ condition: () -> Bool, _ location: SourceLocation = #_sourceLocation) {
        let holds = loop.run(until: condition, timeoutMilliseconds: 20_000)
        #expect(holds, "\(lines) \(gateway.notices)", sourceLocation: location)
    }

    func enqueue() -> WaiterID {
        let waiter = WaiterID(high: Crypto.randomUInt64(), low: Crypto.randomUInt64())
        let request = EnqueueRequest(
            waiter: waiter, tenant: "t", selector: Selector(pattern: "")!,
            headStartSeconds: 0, run: "", wait: true, ticket: nil, attempt: 0)
        client.enqueue(request) { [gateway] reply in
            if case .granted(_, let grant) = reply { gateway.grants[waiter] = grant }
        }
        return waiter
    }

    func dial(_ waiter: WaiterID, head: String = Bench.head) throws -> Peer {
        let grant = try #require(gateway.grants[waiter])
        let request = Wire.GrantRequest(
            fleet: "f", worker: grant.worker, slot: grant.slot, lease: grant.lease, attach: 1, token: grant.token,
            nonce: Crypto.randomHex(bytes: 16))
        let line = Wire.line(signed: request.signed, mac: SigningKey(Bench.secret).sign(request.signed))
        return Peer(loop: loop, port: try #require(SocketAddress(grant.address)).port, greeting: line + head)
    }

    func end(also other: WorkerAgent? = nil) {
        var ends = 0
        agent.drain { ends += 1 }
        other?.drain { ends += 1 }
        wait { ends == (other == nil ? 1 : 2) }
        var isGone = false
        client.stop { isGone = true }
        wait { isGone }
        loop.run()
        #expect(loop.close())
        server.end()
        #expect(Files.entries(folder.path) == [])
    }
}

private final class GatewayRecord: QueueClientDelegate {
    var grants: [WaiterID: Grant] = [:]
    var notices: [String] = []
    private(set) var probes = 0
    private let loop: Loop
    private var peers: [Peer] = []
    var probesAnswered: Int { peers.count { !$0.text.isEmpty } }

    init(loop: Loop) { self.loop = loop }

    func queueClient(_ client: QueueClient, ended waiter: WaiterID, why: EndReason) {}
    func queueClient(_ client: QueueClient, granted grant: Grant) {
        grants[grant.lease.waiter] = grant
        client.acknowledge(grant)
    }

    func queueClient(_ client: QueueClient, probe worker: ProcessID, address: String) {
        let probe = Wire.ProbeRequest(fleet: "f", worker: worker, nonce: Crypto.randomHex(bytes: 16))
        let line = Wire.line(signed: probe.signed, mac: SigningKey(Bench.secret).sign(probe.signed))
        peers.append(Peer(loop: loop, port: SocketAddress(address)?.port ?? 0, greeting: line))
        probes += 1
        client.probed(worker, passed: true)
    }

    func queueClientRegisteredAnew(_ client: QueueClient) {}
    func queueClient(_ client: QueueClient, available: Bool) {}
    func queueClient(_ client: QueueClient, notice: String) { notices.append(notice) }
}
