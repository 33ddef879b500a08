/// The result of one run. `loadtest run --out` writes it as JSON.
public struct RunResult: Codable, Hashable, Sendable {
    /// Raised with each change of this structure that a reader would notice.
    public static let formatNow = 1

    public var format = RunResult.formatNow
    public var origin: Origin
    public var scenario: Parameters
    public var checks: RunChecks
    public var seconds: Double
    public var sessions: Sessions
    /// Milliseconds from a client's arrival to its slot.
    public var wait: LatencySummary
    /// Milliseconds from when a message was due to its answer.
    public var answer: LatencySummary
    /// Milliseconds by which clients arrived later than planned.
    public var delay: LatencySummary
    public var waitCurve: [CurvePoint]
    /// Microseconds of waits in the order in which clients got their slots, thinned out evenly.
    public var waitSamples: [Int]
    /// Gateways that restarted during the run; nil if none was to.
    public var restarted: Int?
    /// Jain's index over the tenants that waited; nil if none did.
    public var fairness: Double?
    public var tenants: [Tenant]
    public var timeline: Timeline

    /// Time, machine, versions and addresses of a run, so that a reader can repeat it.
    public struct Origin: Codable, Hashable, Sendable {
        /// UTC, RFC 3339.
        public var began: String
        public var machine: Machine
        /// Program → version.
        public var versions: [String: String]
        /// The short commit id of the repository in the current folder; nil outside a repository.
        public var commit: String?
        /// The addresses that clients connected to, without their queries.
        public var addresses: [String]
        public var seed: UInt64

        public init(
            began: String, machine: Machine, versions: [String: String], commit: String?, addresses: [String],
            seed: UInt64
        ) {
            (self.began, self.machine, self.versions) = (began, machine, versions)
            (self.commit, self.addresses, self.seed) = (commit, addresses, seed)
        }
    }

    public struct Machine: Codable, Hashable, Sendable {
        public var system, kernel, architecture, processor: String
        public var cores: Int
        public var memoryBytes: Int

        public init(
            system: String, kernel: String, architecture: String, processor: String, cores: Int, memoryBytes: Int
        ) {
            (self.system, self.kernel, self.architecture) = (system, kernel, architecture)
            (self.processor, self.cores, self.memoryBytes) = (processor, cores, memoryBytes)
        }
    }

    public struct Sessions: Codable, Hashable, Sendable {
        public var arrived, opened, served, gaveUp, unreachable, lost, broken: Int
        /// Status → clients.
        public var refused: [String: Int]
        /// Clients that got a slot although one of their tenant, sent earlier, still waited.
        public var overtaken: Int
        public var servedASecond: Double
    }

    public struct Tenant: Codable, Hashable, Sendable {
        public var name, group: String
        public var cap: Int?
        public var served: Int
        /// Most slots at once, as its clients saw it.
        public var inUseMost: Int
        public var slotSeconds: Double
        public var wait, answer: LatencySummary
    }

    public init(_ figures: RunFigures, origin: Origin, restarted: Int? = nil) {
        self.origin = origin
        scenario = Parameters(figures.scenario)
        checks = RunChecks(figures, restarted: restarted)
        self.restarted = restarted
        seconds = figures.seconds
        sessions = Sessions(figures)
        wait = figures.waits.summary
        answer = figures.answers.summary
        delay = figures.delays.summary
        waitCurve = figures.waits.curve
        waitSamples = figures.samples
        fairness = Fairness.index(figures.book.tenants, slots: figures.scenario.slots)
        timeline = figures.timeline
        tenants = figures.scenario.tenants.indices.map { index in
            let (tenant, sums) = (figures.scenario.tenants[index], figures.book.tenants[index])
            return Tenant(
                name: tenant.name, group: tenant.group, cap: tenant.cap, served: sums.served,
                inUseMost: sums.inUseMost, slotSeconds: Double(sums.slotMicroseconds) / 1e6,
                wait: figures.waitsByTenant[index].summary, answer: figures.answersByTenant[index].summary)
        }
    }
}

extension RunResult.Sessions {
    init(_ figures: RunFigures) {
        func count(_ outcome: ClientSession.Outcome) -> Int { figures.outcomes[outcome] ?? 0 }
        arrived = figures.delays.count
        opened = figures.waits.count
        served = count(.served)
        gaveUp = count(.gaveUp)
        unreachable = count(.unreachable)
        lost = count(.lost)
        broken = count(.broken)
        refused = [:]
        for case (.refused(let status), let count) in figures.outcomes { refused["\(status)"] = count }
        overtaken = figures.book.overtaken
        servedASecond = figures.seconds > 0 ? Double(served) / figures.seconds : 0
    }

    /// Clients that wanted a slot, had the patience, and were not served.
    public var failed: Int { unreachable + lost + broken + refused.values.reduce(0, +) }
}
