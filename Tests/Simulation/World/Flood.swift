import EventLoop
import Queue
import QueueCore
import RedisClient
import SimulatedRedis

/// More clients at once than Redis answers in a second: many gateways' shipped `QueueClient`s, and a Redis whose one core
/// takes its time for each call.
public final class Flood {
    /// What a flood came to. Times in milliseconds of simulated time.
    public struct Outcome: Sendable {
        /// Clients that stand in line.
        public var queued = 0
        public var refused = 0
        /// Connections that ended after the flood began.
        public var connectionsLost = 0
        /// From the flood's beginning to the last client's place in line.
        public var took: Int64 = 0
        /// From the enqueue of a client of another tenant to its answer, at most.
        public var othersWaitedMost: Int64 = 0
        /// Calls that Redis executed after the last client of the flood had come and gone.
        public var callsAfter = 0
        /// All calls of the flood.
        public var calls = 0
    }

    private final class Gateway: QueueClientDelegate {
        let queue: QueueClient
        let runtime: SimulatedRuntime
        let process: SimulatedProcess
        var isAvailable = false

        init(_ name: String, server: StoreServer, draw: @escaping () -> UInt64) {
            process = SimulatedProcess(name: name, host: name, timeline: server.timeline)
            runtime = SimulatedRuntime(process, server: server, draw: draw)
            guard let queue = QueueClient(runtime: runtime, fleet: "flood", node: name) else {
                preconditionFailure("\(name) is a node id")
            }
            self.queue = queue
            queue.delegate = self
            queue.declare(Declaration(scaleFromZero: ["x"]))
            queue.start()
        }

        var connections: Int { runtime.connection?.number ?? 0 }

        func queueClient(_ client: QueueClient, granted grant: Grant) {}
        func queueClient(_ client: QueueClient, ended waiter: WaiterID, why: EndReason) {}
        func queueClient(_ client: QueueClient, probe worker: ProcessID, address: String) {}
        func queueClientRegisteredAnew(_ client: QueueClient) {}
        func queueClient(_ client: QueueClient, available: Bool) { isAvailable = available }
        func queueClient(_ client: QueueClient, notice: String) {}
    }

    private let timeline = Timeline()
    private let server: StoreServer
    private let counter = CallCounter()
    private var gateways: [Gateway] = []
    private var chance = Chance(seed: 1, stream: "ids")
    private var outcome = Outcome()

    /// - Parameter serviceMicroseconds: what a call takes of Redis' core.
    public init(gateways count: Int, serviceMicroseconds: Int64) throws(MutantError) {
        let redis = SimulatedRedis(seed: 1)
        try ScriptSet(mutant: nil, isNarrow: false).load(into: redis)
        server = StoreServer(network: Network(timeline: timeline, seed: 1), redis: redis, seed: 1)
        server.observer = counter
        for number in 1...count {
            gateways.append(Gateway("g\(number)", server: server) { [unowned self] in chance.next() })
        }
        while !gateways.allSatisfy(\.isAvailable) { pass(100) }
        server.serviceTime = serviceMicroseconds
    }

    deinit {
        server.redis.onPublish = nil
        for gateway in gateways { gateway.process.end() }
        timeline.end()
    }

    private func pass(_ count: Int64) { timeline.run(until: timeline.now + milliseconds(count)) }

    /// Redis is away for a moment; meanwhile so many clients come to each gateway.
    public func afterAFailover(clientsEach: Int) -> Outcome {
        server.goDown()
        pass(100)
        let before = gateways.map(\.connections)
        for gateway in gateways {
            for number in 0..<clientsEach { enqueue(at: gateway, of: "t\(number % 8)") }
        }
        server.comeUp(lostCommits: 0)
        let (began, all) = (timeline.now, clientsEach * gateways.count)
        timeline.run(until: began + seconds(120)) { [self] in outcome.queued + outcome.refused == all }
        outcome.took = (timeline.now - began) / 1_000
        // The one that each gateway came back with is none that was lost.
        outcome.connectionsLost = zip(gateways, before).reduce(0) { $0 + $1.0.connections - $1.1 - 1 }
        return outcome
    }

    /// For so long one tenant's clients come to the first gateway and leave again after a moment; another tenant's client
    /// comes each 20 ms.
    public func comeAndGo(aSecond: Int, stay: Int64, seconds count: Int64) -> Outcome {
        let (gateway, began) = (gateways[0], timeline.now)
        let before = (gateway.connections, counter.calls)
        for number in 0..<(aSecond * Int(count)) {
            timeline.at(began + Int64(number) * 1_000_000 / Int64(aSecond)) { [self] in
                let waiter = enqueue(at: gateway, of: "flood")
                timeline.after(milliseconds(stay)) {
                    gateway.queue.cancel(waiter, tenant: "flood", lease: nil, dialed: false) {}
                }
            }
        }
        for number in 1..<(50 * count) {
            timeline.at(began + number * milliseconds(20)) { [self] in
                let asked = timeline.now
                enqueue(at: gateway, of: "other") { [self] in
                    outcome.othersWaitedMost = max(outcome.othersWaitedMost, (timeline.now - asked) / 1_000)
                }
            }
        }
        timeline.run(until: began + seconds(count) + milliseconds(stay))
        let atEnd = counter.calls
        outcome.calls = atEnd - before.1
        pass(3_000)
        outcome.callsAfter = counter.calls - atEnd
        outcome.connectionsLost = gateway.connections - before.0
        return outcome
    }

    @discardableResult
    private func enqueue(at gateway: Gateway, of tenant: String, then: @escaping () -> Void = {}) -> WaiterID {
        let waiter = WaiterID(high: chance.next(), low: chance.next())
        let request = EnqueueRequest(
            waiter: waiter, tenant: tenant, selector: Selector(pattern: "x")!,
            headStartSeconds: 0, run: "", wait: true, ticket: nil, attempt: 0)
        gateway.queue.enqueue(request) { [self] reply in
            switch reply {
            case .queued, .granted: outcome.queued += 1
            case .refused: outcome.refused += 1
            case .gone, .takenBack: break
            }
            then()
        }
        return waiter
    }
}

/// How much Redis was asked about waiters.
private final class CallCounter: StoreObserver {
    private(set) var calls = 0

    func storeWillRun(_ script: String, arguments: [String]) {}
    func storeRan(_ script: String, arguments: [String], reply: RedisReply, wrote: Bool) {
        if script == "enqueue" || script == "cancel" { calls += 1 }
    }
}
