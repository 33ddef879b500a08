import AdminCore
import EventLoop
import HTTPCore
import Metrics
import Queue
import QueueCore
import RedisClient

/// The admin listener of a gateway or a worker. It has connections of its own to Redis, made with the first question.
/// Loop-confined.
package final class AdminServer {
    /// Connections at once; for one more the oldest that reads no events is closed.
    static let connectionsMax = 128
    /// How long `/metrics` waits for Redis. Prometheus' own patience is 10 s.
    static let scrapeMilliseconds: UInt64 = 3_000

    let loop: Loop
    private let settings: AdminSettings
    private let endpoint: RedisEndpoint
    private let log: EventLog
    private let version: String
    private unowned let subject: any AdminSubject
    private let access: AdminAccess
    private let tokenHash: String
    private let meter: ProcessMeter
    private var listener: Listener?
    private var connections: [AdminConnection] = []
    private var refusals = CounterTable(
        "berth_admin_refusals_total", "Requests to the admin listener refused.", by: "code",
        zeros: AdminRefusal.Code.allCases.map { [$0.rawValue] })

    private lazy var watch = FleetWatch(loop: loop, endpoint: endpoint, fleet: settings.fleet)
    private lazy var streams = EventStreams(loop: loop, watch: watch) { [unowned self] in facts }
    private lazy var orders = AdminOrders(loop: loop, endpoint: endpoint, fleet: settings.fleet)
    private var hasWatch = false
    private var hasOrders = false

    package init(
        loop: Loop, settings: AdminSettings, redis: RedisEndpoint, version: String, log: EventLog,
        subject: any AdminSubject
    ) {
        self.loop = loop
        self.settings = settings
        endpoint = redis
        self.version = version
        self.log = log
        self.subject = subject
        access = AdminAccess(hasToken: !settings.token.isEmpty)
        tokenHash = Crypto.sha256Hex(Array(settings.token.utf8))
        meter = ProcessMeter(loop: loop, log: log)
    }

    /// The address listened on.
    package var address: String {
        SocketAddress(host: settings.listen.host, port: listener?.port ?? 0)?.description ?? ""
    }

    package func start() throws(AdminFailure) {
        guard !settings.token.isEmpty || settings.listen.isLoopback else {
            throw AdminFailure(
                description: "The admin listener on \(settings.listen) is reachable from elsewhere, and has no token")
        }
        do throws(SystemError) {
            listener = try Listener(loop: loop, address: settings.listen) { [unowned self] in accepted($0) }
        } catch {
            throw AdminFailure(
                description: "Cannot listen for operators on \(settings.listen): \(error); set --admin-listen")
        }
        log.log(.info, "admin", "operators may connect", ["address": .text(address)])
    }

    package func close() {
        listener?.close()
        meter.close()
        if hasWatch {
            streams.close()
            watch.close()
        }
        if hasOrders { orders.close() }
        for connection in connections { connection.close() }
    }

    // MARK: connections

    private func accepted(_ stream: Stream) {
        connections.append(AdminConnection(stream, server: self))
        guard connections.count > AdminServer.connectionsMax else { return }
        connections.first { !$0.isStreaming }?.close()
    }

    func closed(_ connection: AdminConnection) {
        if hasWatch { streams.leave(connection) }
        connections.removeAll { $0 === connection }
    }

    // MARK: requests

    func serve(_ request: RequestReader.Request, for connection: AdminConnection) {
        let head = request.head
        do throws(AdminRefusal) {
            let (endpoint, name) = try AdminEndpoint.of(method: head.method, path: head.path)
            let presented = Crypto.sha256Hex(AdminAccess.token(of: head))
            let isToken = !settings.token.isEmpty && Crypto.constantTimeEqual(presented, tokenHash)
            try access.check(head, endpoint, isToken: isToken)
            let query = try AdminQuery(head.query, for: endpoint.service)
            try answer(endpoint.service, name, query, request.body, connection)
        } catch {
            refuse(connection, error)
        }
    }

    private func refuse(_ connection: AdminConnection, _ refusal: AdminRefusal) {
        refusals.add(refusal.code.rawValue)
        connection.answer(refusal.response)
    }

    private func answer(
        _ service: AdminEndpoint.Service, _ name: String, _ query: AdminQuery, _ body: [UInt8],
        _ connection: AdminConnection
    ) throws(AdminRefusal) {
        switch service {
        case .live: connection.answer(text(200, "ok\n"))
        case .ready:
            let objections = subject.adminFacts().objections
            connection.answer(
                objections.isEmpty ? text(200, "ok\n") : text(503, objections.joined(separator: "\n") + "\n"))
        case .page: connection.answer(LivePage.response)
        case .metrics: answerMetrics(connection)
        case .events:
            hasWatch = true
            guard !streams.isFull else {
                throw AdminRefusal(.storeUnavailable, "\(EventStreams.readersMax) readers of events are here already")
            }
            connection.startStreaming(mayChange: true)
            streams.join(connection)
        case .pressure:
            look(0, connection) { [self] look in
                Pressure.answer(look.view, facts, cpu: meter.cpuPercent(), memory: ProcessMeter.memoryPercent())
            }
        case .view(.usage) where query.day != nil:
            hasWatch = true
            let day = query.day ?? 0
            watch.usage(onDay: day) { [weak self] in
                switch $0 {
                case .failure(let failure): self?.refuse(connection, AdminRefusal(.storeUnavailable, failure.sentence))
                case .success(let uses):
                    connection.answer(httpResponse(status: 200, body: FleetAnswers.usage(uses, day: day).text))
                }
            }
        case .view(let view):
            look(view == .waiters ? query.limit : 0, connection) { [self] look throws(AdminRefusal) in
                try FleetAnswers.answer(
                    view, look.view, query: query, places: look.places, facts,
                    redisMilliseconds: look.redisMilliseconds)
            }
        case .change(let change): give(change, name, body, connection)
        }
    }

    private var facts: AdminFacts {
        var facts = subject.adminFacts()
        facts.fleet = settings.fleet
        facts.version = version
        return facts
    }

    private func text(_ status: Int, _ body: String) -> [UInt8] {
        httpResponse(status: status, type: "text/plain; charset=utf-8", body: body)
    }

    private func look(
        _ waiters: Int, _ connection: AdminConnection,
        _ words: @escaping (FleetWatch.Look) throws(AdminRefusal) -> JSONValue
    ) {
        hasWatch = true
        watch.ask(waiters: waiters) { [weak self] in
            switch $0 {
            case .failure(let failure): self?.refuse(connection, AdminRefusal(.storeUnavailable, failure.sentence))
            case .success(let look):
                do throws(AdminRefusal) {
                    connection.answer(httpResponse(status: 200, body: try words(look).text))
                } catch {
                    self?.refuse(connection, error)
                }
            }
        }
    }

    /// Without Redis, or if its answer takes long, the process' own metrics are still told, and `berth_fleet_readable` is 0.
    private func answerMetrics(_ connection: AdminConnection) {
        let own =
            meter.families(role: subject.adminFacts().role, version: version, fleet: settings.fleet)
            + subject.adminFamilies() + [refusals.family]
        func answer(_ fleet: [MetricFamily]) {
            connection.answer(
                httpResponse(
                    status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: metricsText(own + fleet)))
        }
        guard subject.tellsFleetMetrics else { return answer([]) }
        func readable(_ isReadable: Bool) -> MetricFamily {
            .gauge("berth_fleet_readable", "1 if the fleet's metrics could be read from Redis.", isReadable ? 1 : 0)
        }
        hasWatch = true
        // A second answer to a connection is dropped.
        let late = loop.schedule(after: AdminServer.scrapeMilliseconds) { answer([readable(false)]) }
        watch.ask(waiters: 0) {
            late.cancel()
            switch $0 {
            case .failure: answer([readable(false)])
            case .success(let look): answer(FleetMetrics.families(look.view) + [readable(true)])
            }
        }
    }

    private func give(_ change: AdminEndpoint.Change, _ name: String, _ body: [UInt8], _ connection: AdminConnection) {
        hasOrders = true
        let peer = connection.peer
        func perform(_ now: TenantLimits) {
            orders.give(change, name, body, limits: now) { [weak self] result in
                switch result {
                case .success(let answer):
                    if self?.hasWatch == true { self?.watch.forget() }
                    self?.log.log(
                        .warning, "order", "an operator's order was taken",
                        ["order": .text("\(change)"), "subject": .text(name), "peer": .text(peer)])
                    connection.answer(answer)
                case .failure(let refusal): self?.refuse(connection, refusal)
                }
            }
        }
        guard change == .setTenant else { return perform(.default) }
        hasWatch = true
        watch.ask(waiters: 0) { [weak self] in
            switch $0 {
            case .failure(let failure): self?.refuse(connection, AdminRefusal(.storeUnavailable, failure.sentence))
            case .success(let look): perform(look.view.limits(of: name))
            }
        }
    }
}
