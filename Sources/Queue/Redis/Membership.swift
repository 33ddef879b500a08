import EventLoop
import QueueCore
import RedisClient

/// Keeps one process registered in its fleet. Registers and renews the process, registers it again if Redis ended it or
/// lost its data, and runs a sweep when a reply asks for one. Each gateway and each worker owns one.
///
/// `Standing` makes the decisions; this class performs them. The owner supplies the arguments of `register` and renew.
final class Membership {
    let runtime: any QueueRuntime
    let keys: Keys
    let id: ProcessID
    let connection: any StoreConnection

    /// Arguments of `register`, after the process kind, and of the renew script (`renew` or `roll`), which carries a batch
    /// of the usage.
    var registration: () -> [String] = { [] }
    var renewal: (_ usage: String) -> [String] = { [$0] }
    /// Calls may be sent now. `anew`: Redis has no data of this process, so declare everything again.
    var onServe: (_ anew: Bool) -> Void = { _ in }
    var onAway: () -> Void = {}
    /// Orders for a worker, from the reply to `register` or `renew`.
    var onOrders: (_ orders: [String], _ notes: [String]) -> Void = { _, _ in }
    /// A `register` or renew succeeded. `sentAt`: when it was sent, in milliseconds of the loop's clock.
    var onRenewed: (_ sentAt: UInt64) -> Void = { _ in }
    /// The reply to a gateway's renew.
    var onGatewayRenewed: (ScriptReply) -> Void = { _ in }
    /// `isAnswered` became true.
    var onAnswered: () -> Void = {}
    /// A message for the operator.
    var onNotice: (String) -> Void = { _ in }
    /// Registration waits until this is true. A gateway subscribes to its wake channel first.
    var mayRegister = true {
        didSet { if mayRegister, !oldValue, connection.isUp { perform(standing.connected()) } }
    }

    private var standing: Standing
    private var usage = UsageMeter()
    private var history = History()
    var counters = QueueCounters()
    private var isSweeping = false
    private var renewTimer: (any ScheduledCall)?
    private var retryTimer: (any ScheduledCall)?
    private var outage = OutageLog()
    /// Redis has executed a script on this connection. A login alone proves less, because a replica accepts one too.
    private(set) var isAnswered = false
    /// The reasons why Redis answers but does not accept this process. Each is reported once.
    private var refusal = OutageLog()

    init(runtime: any QueueRuntime, fleet: String, id: ProcessID, kind: Standing.Kind) {
        self.runtime = runtime
        self.id = id
        keys = Keys(fleet: fleet)
        standing = Standing(kind: kind)
        connection = runtime.connection(scripts: kind == .worker ? ScriptLibrary.ofWorker : ScriptLibrary.ofGateway)
        connection.onEvent = { [weak self] in self?.connection($0) }
    }

    var isMember: Bool { standing.state == .member }

    func start() {
        connection.start()
        renewTimer = runtime.schedule(
            after: UInt64(QueueLimits.heartbeatMilliseconds), repeating: UInt64(QueueLimits.heartbeatMilliseconds)
        ) { [weak self] in self?.renew() }
    }

    func close() {
        standing.quit()
        renewTimer?.cancel()
        retryTimer?.cancel()
        connection.close()
    }

    /// Runs a script with this process' header. `done` receives nil if the reply was lost or is not a script's.
    func call(_ script: RedisScript, _ arguments: [String], done: @escaping (ScriptReply?) -> Void) {
        let header = [
            id.text, String(connection.number), String(history.epoch), String(history.commit), String(history.ticket),
        ]
        connection.run(script, keys: [Array(keys.state.utf8)], arguments: (header + arguments).map { Array($0.utf8) }) {
            [weak self] result in
            guard let self, case .success(let reply) = result, let parsed = ScriptReply(reply) else { return done(nil) }
            if parsed.status != "error" { answered() }
            handle(parsed, from: script)
            done(parsed)
        }
    }

    /// Counts what a tenant uses. The counts are sent with the next renew.
    func note(_ event: UsageMeter.Event, of tenant: String) {
        usage.note(event, of: tenant, now: runtime.now)
    }

    /// Renews this process in Redis. A worker sends its slot rows, a gateway the counts of its waiters.
    /// - Parameter done: called when Redis answered; `isTaken` is true if it executed the renew.
    func renew(done: @escaping (_ isTaken: Bool) -> Void = { _ in }) {
        guard standing.state == .member else { return done(false) }
        let sentAt = runtime.now
        let batch = usage.batch(now: sentAt)
        call(standing.kind == .worker ? ScriptLibrary.renew : ScriptLibrary.roll, renewal(batch)) { [weak self] reply in
            let isTaken = reply?.status == "ok"
            defer { done(isTaken) }
            guard let self, let reply else { return }
            usage.answered(batch, isTaken: isTaken)
            guard isTaken else { return }
            onRenewed(sentAt)
            switch standing.kind {
            case .worker: onOrders(reply.texts(0), reply.texts(1))
            case .gateway: onGatewayRenewed(reply)
            }
        }
    }

    /// Removes this process from Redis, after Redis has the last of its usage. Calls `done` when Redis answered or the
    /// answer was lost.
    func leave(done: @escaping () -> Void) {
        usage.endAll(now: runtime.now)
        sendUsage { [self] in
            guard standing.state == .member else { return done() }
            call(ScriptLibrary.drain, [standing.kind.rawValue, "leave"]) { _ in done() }
        }
    }

    private func sendUsage(done: @escaping () -> Void) {
        guard !usage.isEmpty, standing.state == .member else { return done() }
        renew { [weak self] isTaken in
            guard isTaken, let self else { return done() }
            sendUsage(done: done)
        }
    }

    // MARK: - Events and replies

    private func connection(_ event: RedisConnection.Event) {
        switch event {
        case .up:
            if mayRegister { perform(standing.connected()) }
        case .down(let reason):
            isSweeping = false
            isAnswered = false
            standing.disconnected()
            counters.connectionsLost += 1
            if outage.failed(reason) { onNotice("Redis is away: \(reason)") }
            onAway()
        }
    }

    private func answered() {
        guard !isAnswered else { return }
        isAnswered = true
        if outage.recovered() { onNotice("Redis is back") }
        onAnswered()
    }

    private func handle(_ reply: ScriptReply, from script: RedisScript) {
        switch reply.status {
        case "schema":
            let (oldest, newest) = (max(QueueLimits.schema - 1, QueueLimits.schemaMin), QueueLimits.schema + 1)
            noteRefusal(
                "Redis holds data of schema \(reply.text(0)), and this berth works with \(oldest) to \(newest): update it, "
                    + "or give it a Redis or a fleet of its own")
            // Send no calls until the schema fits. `register` is repeated until then; afterwards unanswered calls are
            // sent again.
            if standing.state == .member { onAway() }
            perform(standing.unknown())
            return
        case "error":
            noteRefusal("Redis refused the script \(script.name): \(reply.text(0))")
            return
        case "full":
            return
        default:
            break
        }
        let lost = history.heard(epoch: reply.epoch, commit: reply.commit, ticket: reply.ticket)
        if reply.status == "unknown" {
            perform(standing.unknown())
        } else if lost {
            onNotice("Redis lost data: epoch \(reply.epoch) begins")
            perform(standing.historyLost())
        }
        if reply.moreToDo || reply.sweepDue { sweep() }
    }

    private func sweep() {
        guard !isSweeping, standing.state == .member else { return }
        isSweeping = true
        call(ScriptLibrary.sweep, [standing.kind.rawValue]) { [weak self] reply in
            guard let self else { return }
            isSweeping = false
            for index in reply?.payload.indices ?? 0..<0 { counters.swept[reply?.text(index) ?? "", default: 0] += 1 }
            if let reply, reply.moreToDo || reply.sweepDue { sweep() }
        }
    }

    // MARK: - Actions of Standing

    private func perform(_ action: Standing.Action) {
        switch action {
        case .nothing:
            break
        case .register:
            register()
        case .leave:
            call(ScriptLibrary.drain, [standing.kind.rawValue, "leave"]) { [weak self] reply in
                guard let self, reply != nil else { return }
                perform(standing.hasLeft())
            }
        case .renew:
            renew()
        case .serve(let anew):
            onServe(anew)
        }
    }

    private func register() {
        let sentAt = runtime.now
        usage.forgotten()
        call(ScriptLibrary.register, [standing.kind.rawValue] + registration()) { [weak self] reply in
            guard let self, let reply else { return }
            switch reply.status {
            case "ok":
                if refusal.recovered() { onNotice("Redis takes this process again") }
                onRenewed(sentAt)
                onOrders(reply.texts(0), [])
                perform(standing.registered())
            case "busy":
                perform(standing.askAgain())
            default:
                if reply.status != "schema" {
                    noteRefusal("Redis does not register this process: \(reply.status) \(reply.text(0))")
                }
                // Replace a pending retry, because each reconnect registers too.
                retryTimer?.cancel()
                retryTimer = runtime.schedule(
                    after: QueueLimits.registerAgainMilliseconds, repeating: 0
                ) { [weak self] in
                    guard let self else { return }
                    perform(standing.askAgain())
                }
            }
        }
    }

    private func noteRefusal(_ words: String) {
        if refusal.failed(words) { onNotice(words) }
    }
}
