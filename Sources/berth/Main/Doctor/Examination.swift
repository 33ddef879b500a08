import Configuration
import Doctor
import EventLoop
import Gateway
import Glibc
import Queue
import QueueCore
import RedisClient

/// Collects what `Diagnosis` judges, one question after the other.
final class Examination {
    static let answerMilliseconds: UInt64 = 10_000

    private let loop: Loop
    private let settings: Settings
    private let endpoint: RedisEndpoint
    private let node: NodeRole
    private let inspector: Inspector
    private let resolver: Resolver
    private var report: Result<FleetReport, Inspector.Failure>?

    init(loop: Loop, settings: Settings, endpoint: RedisEndpoint, node: NodeRole) {
        self.loop = loop
        self.settings = settings
        self.endpoint = endpoint
        self.node = node
        inspector = Inspector(loop: loop, endpoint: endpoint, fleet: node.fleet)
        resolver = Resolver(loop: loop)
    }

    deinit { inspector.close() }

    private func ask<Answer>(
        _ question: (@escaping (Result<Answer, Inspector.Failure>) -> Void) -> Void
    ) -> Result<Answer, Inspector.Failure> {
        var answer: Result<Answer, Inspector.Failure>?
        question { answer = $0 }
        _ = loop.run(until: { answer != nil }, timeoutMilliseconds: Self.answerMilliseconds)
        return answer ?? .failure(.unavailable("no answer in \(Self.answerMilliseconds / 1_000) s"))
    }

    // MARK: - Redis

    /// Call it first: the other questions need its answer.
    func redis() -> RedisFacts {
        func facts(_ answer: RedisFacts.Answer) -> RedisFacts {
            let isDefault = settings.resolved["redis.url"]?.source == .default
            return RedisFacts(
                address: "\(endpoint)", setting: isDefault ? "--redis or REDIS_URL" : settings.place("redis.url"),
                answer: answer)
        }
        var server = RedisFacts.Server()
        // The first question also waits for the connection. The second one measures the way.
        switch ask(inspector.evictionPolicy) {
        case .failure(let failure): return facts(.none(failure.description))
        case .success(let policy): server.policy = policy
        }
        let asked = Self.wallMicroseconds
        switch ask(inspector.store) {
        case .failure(let failure): return facts(.none(failure.description))
        case .success(let store):
            let answered = Self.wallMicroseconds
            (server.version, server.isReplica) = (store.version, store.isReplica)
            // Two questions, one after the other.
            server.roundTripMicroseconds = Int((answered - asked) / 2)
            server.aheadMilliseconds = store.timeMicroseconds.map { Int(($0 - (asked + answered) / 2) / 1_000) }
        }
        let report = ask(inspector.examine)
        self.report = report
        switch report {
        case .success(let fleet): server.refusedCommands = fleet.refusedCommands
        case .failure(let failure): server.scriptRefusal = failure.description
        }
        return facts(.given(server))
    }

    /// µs since 1970, by this machine's clock.
    private static var wallMicroseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    // MARK: - The fleet

    func fleet() -> FleetFacts? {
        guard case .success(let report)? = report else { return nil }
        var dials = dial(report.workers, secret: node.secrets.first)
        // While a secret is replaced, a worker may know only the second one.
        if node.secrets.count > 1 {
            let others = report.workers.filter { dials[$0.id] == .closed || dials[$0.id] == .unproved }
            dials.merge(dial(others, secret: node.secrets[1])) { $1 }
        }
        // Redis has them by the time of their last renew.
        return FleetFacts(
            name: node.fleet,
            gateways: report.gateways.sorted { $0.id.text < $1.id.text }.map {
                GatewayFacts(node: String($0.id.node), suspension: $0.suspension)
            },
            workers: report.workers.sorted { $0.id.text < $1.id.text }.map { worker in
                WorkerFacts(
                    node: String(worker.id.node), address: worker.address, state: worker.state,
                    isDraining: worker.isDraining, backoffMilliseconds: worker.backoffMilliseconds,
                    trouble: worker.trouble, dial: dials[worker.id] ?? .local("no answer of the dial"))
            },
            hasSecret: !node.secrets.isEmpty,
            secretSetting: node.secrets.isEmpty ? "NODE_SECRET" : settings.place("node.secret"))
    }

    private func dial(_ workers: [FleetReport.Worker], secret: String?) -> [ProcessID: WorkerFacts.Dial] {
        var dials: [ProcessID: WorkerFacts.Dial] = [:]
        for worker in workers {
            _ = WorkerProbe(
                loop: loop, resolver: resolver, fleet: node.fleet, secret: Array((secret ?? "").utf8),
                worker: worker.id, address: worker.address
            ) { dials[worker.id] = WorkerFacts.Dial($0) }
        }
        _ = loop.run(until: { dials.count == workers.count }, timeoutMilliseconds: Self.answerMilliseconds)
        return dials
    }

    // MARK: - Clients

    func door(_ address: String?, authorities: String?) -> DoorFacts {
        guard let address else { return .notAsked }
        var facts: DoorFacts?
        _ = DoorProbe(loop: loop, resolver: resolver, address: address, authorities: authorities) {
            facts = $0
        }
        _ = loop.run(until: { facts != nil }, timeoutMilliseconds: 2 * DoorProbe.timeoutMilliseconds)
        return facts ?? .unreachable(address: address, words: "no answer")
    }
}

extension WorkerFacts.Dial {
    fileprivate init(_ verdict: WorkerProbe.Verdict) {
        switch verdict {
        case .alive: self = .alive
        case .closed: self = .closed
        case .unproved: self = .unproved
        case .unreachable(let words): self = .unreachable(words)
        case .local(let words): self = .local(words)
        }
    }
}
