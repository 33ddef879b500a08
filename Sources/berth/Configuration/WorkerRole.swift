import QueueCore
import WorkerCore

/// The settings of a worker.
public struct WorkerRole: Hashable, Sendable {
    public let listen: ListenAddress
    /// `nil` if the worker finds its address by itself.
    public let advertise: AdvertisedHost?
    public let pools: [PoolRole]
    public let playwrightDriver: String?
    public let isHeadless: Bool
    /// More arguments by browser, for pools without their own.
    public let browserArgs: [String: [String]]
    public let caps: CapsMode
    /// `nil` for a folder among the temporary ones.
    public let protocolLogFolder: String?
    public let drainTimeoutMilliseconds: Int
    public let firstByteMilliseconds: Int
    /// `nil` for no limit.
    public let maxAgeMilliseconds: Int?
    public let memoryReserveBytes: Int

    /// - Parameter isDev: the worker of `berth dev`, which listens on loopback and may have no pool in its settings.
    public init(_ settings: Settings, isDev: Bool = false) throws(ConfigurationProblems) {
        var problems: [ConfigurationProblem] = []
        let secret = settings.text("node.secret") != nil
        drainTimeoutMilliseconds = settings.milliseconds("worker.drainTimeout")
        firstByteMilliseconds = settings.milliseconds("worker.firstByte")
        maxAgeMilliseconds = settings.text("worker.maxAge") == nil ? nil : settings.milliseconds("worker.maxAge")
        memoryReserveBytes = settings.text("worker.memoryReserve").flatMap(BytesText.bytes) ?? 0
        if maxAgeMilliseconds == 0 {
            problems.append(
                .init(
                    place: settings.place("worker.maxAge"),
                    message: "0 would end the worker as it starts: write a duration like 24h, or nothing for no limit"))
        }
        if firstByteMilliseconds == 0 {
            problems.append(
                .init(
                    place: settings.place("worker.firstByte"),
                    message: "0 leaves a sidecar no time to answer: write a duration like 10s"))
        }
        advertise = settings.text("worker.advertise").flatMap(AdvertisedHost.init)
        playwrightDriver = settings.text("worker.playwrightDriver").map { absolute($0, in: settings.folder) }
        isHeadless = settings.text("worker.headless") != "false"
        browserArgs = Dictionary(
            uniqueKeysWithValues: Pool.playwrightBrowsers.map { browser in
                (browser, settings.text("worker.\(browser)Args").flatMap(CommandWords.split) ?? [])
            })
        protocolLogFolder = settings.text("worker.protocolLogFolder").map { absolute($0, in: settings.folder) }
        caps = settings.text("worker.caps").flatMap(CapsMode.init) ?? .lenient
        listen =
            isDev
            ? ListenAddress(host: "127.0.0.1", port: 0)
            : settings.address("worker.listen", defaultHost: secret ? "0.0.0.0" : "127.0.0.1")
        if !listen.isLoopback, !secret {
            problems.append(
                .init(
                    place: settings.place("worker.listen"),
                    message:
                        "\(listen) is reachable from elsewhere, and there is no node secret: set NODE_SECRET (the same "
                        + "on gateways and workers), or listen on 127.0.0.1"))
        }
        do throws(ConfigurationProblem) {
            pools = try WorkerRole.pools(settings, isDev: isDev)
        } catch {
            problems.append(error)
            pools = []
        }
        guard problems.isEmpty else { throw ConfigurationProblems(problems) }
    }

    /// Flags and environment replace the table of the file.
    private static func pools(_ settings: Settings, isDev: Bool) throws(ConfigurationProblem) -> [PoolRole] {
        let base = PoolRole(base: settings.resolved, folder: settings.folder)
        let short = settings.texts("worker.pools")
        var place = settings.place("worker.pools")
        var pools = settings.pools
        if !short.isEmpty {
            if !pools.isEmpty, case .file? = settings.resolved["worker.pools"]?.source {
                throw ConfigurationProblem(place: place, message: "pools stand in 'pools' too: keep one of the two")
            }
            // The table has checked each entry.
            let entries = (try? PoolConfig.parse(short.joined(separator: ","))) ?? []
            pools = entries.map { entry in
                var pool = base.with(label: entry.label, slots: entry.slots)
                pool.forgetForeignExecutable(unlessGiven: false, base: base)
                return pool
            }
        } else if pools.isEmpty, settings.number("worker.concurrentSessions") > 0 {
            place = settings.place("worker.concurrentSessions")
            var pool = base.with(label: base.label, slots: settings.number("worker.concurrentSessions"))
            pool.isShared = true
            pool.sessions = min(pool.slots, PoolRole.sessionsLimit)
            pool.maxSessions = max(pool.maxSessions, pool.sessions)
            pools = [pool]
        } else if pools.isEmpty, isDev, let label = Label("dev") {
            pools = [base.with(label: label, slots: settings.number("dev.slots"))]
        } else {
            place = settings.fileName ?? "pools"
        }
        guard !pools.isEmpty else {
            throw ConfigurationProblem(
                place: "worker.pools",
                message: "a worker needs a pool: --pool AppA:Chromium=2, or 'pools' in berth.yaml")
        }
        if let region = settings.text("node.region") {
            for index in pools.indices {
                guard let label = Label("\(pools[index].label):\(region)") else {
                    throw ConfigurationProblem(
                        place: settings.place("node.region"),
                        message: "pool \(pools[index].label) has \(Label.segmentsMax) segments already: shorten it")
                }
                pools[index].label = label
            }
        }
        if let words = objection(to: pools) { throw ConfigurationProblem(place: place, message: words) }
        return pools
    }

    private static func objection(to pools: [PoolRole]) -> String? {
        var labels: Set<String> = []
        for pool in pools {
            if !labels.insert(pool.label.text).inserted {
                return "pool \(pool.label) is named twice; give it one count"
            }
            if let words = pool.objection { return words }
        }
        if pools.reduce(0, { $0 + $1.slots }) > QueueLimits.slotsPerWorkerMax {
            return "more than \(QueueLimits.slotsPerWorkerMax) slots; start another worker"
        }
        return nil
    }

    /// A name without a slash stays as it is, to be looked for in PATH.
    static func program(_ text: String, in folder: String) -> String {
        text.contains("/") ? absolute(text, in: folder) : text
    }
}
