import EventLoop
import QueueCore
import RedisClient

/// Events from the queue for a gateway. Called on the loop, never from inside a call that the gateway makes.
public protocol QueueClientDelegate: AnyObject {
    /// A slot is granted to one of this gateway's waiters. May repeat, and may arrive before the reply to the enqueue.
    func queueClient(_ client: QueueClient, granted grant: Grant)
    /// One of this gateway's waiters was ended from outside. May repeat. The gateway may not know the waiter any more.
    func queueClient(_ client: QueueClient, ended waiter: WaiterID, why: EndReason)
    /// Dial this worker, authenticate both sides, then call `probed`.
    func queueClient(_ client: QueueClient, probe worker: ProcessID, address: String)
    /// Redis has no data of this gateway any more: enqueue each living waiter again, as a new waiter with its old
    /// ticket.
    func queueClientRegisteredAnew(_ client: QueueClient)
    /// All clients that are in the queue or whose enqueue is under way, for `WaiterRoll`. If nil, nothing is compared.
    func queueClientRoll(_ client: QueueClient) -> [WaiterRoll.Entry]?
    /// Redis lost these waiters: enqueue each again, as after `queueClientRegisteredAnew`.
    func queueClient(_ client: QueueClient, lost waiters: [WaiterID])
    /// The pools that workers offer, or have offered. Comes with each renew.
    func queueClient(_ client: QueueClient, pools: [Pool])
    /// False after `QueueLimits.storeAwayMilliseconds` without Redis.
    func queueClient(_ client: QueueClient, available: Bool)
    func queueClient(_ client: QueueClient, notice: String)
}

extension QueueClientDelegate {
    public func queueClientRoll(_ client: QueueClient) -> [WaiterRoll.Entry]? { nil }
    public func queueClient(_ client: QueueClient, lost waiters: [WaiterID]) {}
    public func queueClient(_ client: QueueClient, pools: [Pool]) {}
}

/// A gateway's side of the queue. Loop-confined.
///
/// Each call is kept until Redis answers it, in order per waiter, over any number of reconnects. Grants arrive at once
/// on the wake channel. `collect` also fetches them at least once a second, because pub/sub may lose messages.
public final class QueueClient {
    public weak var delegate: (any QueueClientDelegate)?
    public let id: ProcessID

    private let membership: Membership
    private let outbox: Outbox
    private var wake: (any StoreSubscription)?
    private let settings = SettingsExchange()
    private var acknowledgements: [String] = []
    private var roll = WaiterRoll()
    /// The process registered again, and the delegate has not been notified yet.
    private var mustNotifyAnew = false
    private var wakeLost: String?
    private var wakeOutage = OutageLog()
    private var isCollecting = false
    private var collectAgain = false
    private var poll: (any ScheduledCall)?
    private var awaySince: UInt64?
    /// On this connection, Redis has the settings, and calls may be sent.
    private var isServed = false
    public private(set) var isAvailable = false
    /// Since the start.
    public var counters: QueueCounters { membership.counters }
    /// The number of acknowledgements that Redis has not confirmed yet.
    var acknowledgementsWaiting: Int { acknowledgements.count }
    /// The highest version of the fleet's settings that this gateway knows.
    var settingsVersion: Int64 { settings.version }

    /// - Parameter node: this machine's name. The name and random bits form the gateway's id. `nil` if it is not a
    ///   valid name.
    public convenience init?(loop: Loop, endpoint: RedisEndpoint, fleet: String, node: String) {
        self.init(
            runtime: LoopRuntime(loop: loop, endpoint: endpoint, key: Keys(fleet: fleet).state), fleet: fleet,
            node: node)
    }

    package init?(runtime: any QueueRuntime, fleet: String, node: String) {
        guard let id = ProcessID(node: node, generation: runtime.randomUInt64()) else { return nil }
        self.id = id
        let membership = Membership(runtime: runtime, fleet: fleet, id: id, kind: .gateway)
        self.membership = membership
        outbox = Outbox(later: { runtime.afterThisTurn($0) }) { [weak membership] script, arguments, done in
            membership?.call(script, arguments, done: done)
        }
        membership.mayRegister = false
        membership.onServe = { [weak self] in self?.serve(anew: $0) }
        membership.onAnswered = { [weak self] in self?.notifyAvailable() }
        membership.onAway = { [weak self] in self?.wentAway() }
        membership.renewal = { [weak self] usage in
            guard let self else { return [] }
            let counts = delegate?.queueClientRoll(self).map { self.roll.ask($0) } ?? ["", ""]
            return counts + [String(settings.version), usage]
        }
        membership.onGatewayRenewed = { [weak self] in self?.renewed($0) }
        membership.onNotice = { [weak self] in
            guard let self else { return }
            delegate?.queueClient(self, notice: $0)
        }
        settings.call = { [weak membership] in membership?.call(ScriptLibrary.settings, $0, done: $1) }
        settings.askForMore = { [weak membership] in membership?.renew() }
        settings.onNotice = { [weak self] in
            guard let self else { return }
            delegate?.queueClient(self, notice: $0)
        }
        wake = runtime.subscription(
            channel: membership.keys.wake(id.text), onEvent: { [weak self] in self?.subscription($0) },
            onMessage: { [weak self] in self?.woken($0) })
    }

    /// Connects, subscribes to the wake channel, registers. Redis may be unreachable at this time.
    public func start() {
        awaySince = membership.runtime.now
        wake?.start()
        membership.start()
        poll = membership.runtime.schedule(
            after: UInt64(QueueLimits.pollMilliseconds), repeating: UInt64(QueueLimits.pollMilliseconds)
        ) { [weak self] in self?.everySecond() }
    }

    /// Leaves the fleet and closes the connections. Calls `done` when Redis answered, or if Redis cannot be reached.
    public func stop(done: @escaping () -> Void) {
        membership.leave { [self] in
            poll?.cancel()
            wake?.close()
            membership.close()
            done()
        }
    }

    // MARK: - Requests

    /// Puts a client into the queue. `done` is called once, however often the connection breaks. After `forget` it may
    /// never be called.
    public func enqueue(_ request: EnqueueRequest, done: @escaping (EnqueueReply) -> Void) {
        outbox.post(
            ScriptLibrary.enqueue, request.arguments, lane: request.waiter.text, tenant: request.tenant, kind: .entry
        ) { done($0.map { EnqueueReply($0) } ?? .takenBack) }
    }

    /// A grant proves that this waiter's enqueue was committed, so the enqueue is not sent again if its reply is lost.
    public func forget(_ waiter: WaiterID) {
        outbox.forgetEntry(of: waiter.text)
    }

    /// Ends a waiter. If its enqueue was not sent yet, neither call is sent, and the enqueue is answered with
    /// `takenBack`.
    /// - Parameters:
    ///   - tenant: the waiter's tenant; "" if unknown.
    ///   - lease: the grant that the gateway knows of, if any.
    ///   - dialed: whether the gateway has dialed the lease's worker.
    public func cancel(
        _ waiter: WaiterID, tenant: String, lease: LeaseID?, dialed: Bool, done: @escaping () -> Void
    ) {
        let arguments = [waiter.text, lease?.description ?? "", dialed ? "1" : "0"]
        outbox.post(ScriptLibrary.cancel, arguments, lane: waiter.text, tenant: tenant, kind: .exit) { _ in done() }
    }

    /// Ends a waiter whose time, or whose gateway's time, is over, as `cancel` does.
    /// - Parameter done: the waiter's obstacle. It is `nil` if the waiter moves, or if the enqueue was not sent yet.
    public func expire(
        _ waiter: WaiterID, tenant: String, lease: LeaseID?, _ expiry: Expiry, done: @escaping (Obstacle?) -> Void
    ) {
        let arguments = [waiter.text, lease?.description ?? "", "0", expiry.rawValue]
        outbox.post(
            ScriptLibrary.cancel, arguments, lane: waiter.text, tenant: tenant,
            kind: expiry == .unserved ? .other : .exit
        ) { done($0.flatMap { Obstacle($0) }) }
    }

    /// The verdict on a grant that failed before the worker's proof. `final`: three distinct workers have failed this
    /// waiter.
    /// - Parameter attach: the number of the connection that the dial was for.
    public func reject(
        _ lease: LeaseID, tenant: String, attach: Int = 1, reason: RejectReason, final: Bool,
        done: @escaping (RejectReply) -> Void
    ) {
        let arguments = [
            "gateway", lease.description, reason.rawValue, final ? "1" : "0", "", "", "", String(attach),
        ]
        outbox.post(ScriptLibrary.reject, arguments, lane: lease.waiter.text, tenant: tenant) { reply in
            if let reply { done(RejectReply(reply)) }
        }
    }

    /// Lends a granted slot whose worker was not dialed. The slot waits for a client of its own, even if this gateway
    /// ends.
    public func reserve(_ lease: LeaseID, tenant: String, done: @escaping (ReserveReply) -> Void) {
        outbox.post(ScriptLibrary.reserve, [lease.description], lane: lease.waiter.text, tenant: tenant) { reply in
            guard let reply else { return }
            done(reply.status == "reserved" ? .reserved(milliseconds: reply.number(0)) : .ended)
        }
    }

    /// Connects a client to a borrowed or kept lease. Dial the worker with the grant. If the dial fails, call `reject`
    /// with the grant's attach number.
    /// - Parameters:
    ///   - tenant: "" for any, if the client has the lease's ticket.
    ///   - attachment: drawn for this client, so that Redis recognises a repeated call.
    public func attach(
        to lease: LeaseID, tenant: String, attachment: WaiterID, done: @escaping (AttachReply) -> Void
    ) {
        let arguments = [tenant, lease.description, attachment.text]
        outbox.post(ScriptLibrary.attach, arguments, lane: attachment.text, tenant: tenant) { reply in
            if let reply { done(AttachReply(reply)) }
        }
    }

    /// Ends waiters and sessions of a tenant by request. Redis repeats the order to their gateways and workers until
    /// they ended.
    public func end(_ target: EndTarget, tenant: String, done: @escaping (EndReply) -> Void) {
        let arguments = ["gateway", tenant] + target.words + [EndReason.request.rawValue]
        outbox.post(ScriptLibrary.finish, arguments, lane: "end \(tenant) \(target)", tenant: tenant) { reply in
            guard let reply else { return }
            done(reply.status == "ok" ? .ended(count: reply.number(0)) : .notFound)
        }
    }

    /// The grant has arrived, so Redis may delete it from the mailbox. Sent with the next collect.
    public func acknowledge(_ grant: Grant) {
        acknowledgements.append(grant.letter)
    }

    /// The result of a probe that the delegate was asked for.
    public func probed(_ worker: ProcessID, passed: Bool) {
        membership.call(ScriptLibrary.probed, [worker.text, passed ? "1" : "0"]) { _ in }
    }

    /// Counts a wait or a refusal of a tenant, for its usage.
    public func note(_ event: UsageMeter.Event, of tenant: String) {
        membership.note(event, of: tenant)
    }

    /// Declares the settings of this gateway's file. Call it before `start` and after each reload of the file. An
    /// operator's later order stays in force until the file changes its value.
    public func declare(_ declaration: Declaration) {
        settings.declare(declaration)
    }

    // MARK: - Events and replies

    private func serve(anew: Bool) {
        mustNotifyAnew = mustNotifyAnew || anew
        // The settings must be in Redis before anything is granted under them.
        settings.serve(anew: anew) { [weak self] in
            guard let self else { return }
            if mustNotifyAnew {
                // Clear it only now: if the connection breaks before Redis has the settings, the next connection must
                // notify.
                mustNotifyAnew = false
                roll.forget()
                delegate?.queueClientRegisteredAnew(self)
            }
            outbox.resume(connection: membership.connection.number)
            isServed = true
            notifyAvailable()
            collect()
        }
    }

    /// Reports that Redis is available, if calls may be sent and Redis executes them.
    private func notifyAvailable() {
        guard isServed, membership.isAnswered else { return }
        awaySince = nil
        guard !isAvailable else { return }
        isAvailable = true
        delegate?.queueClient(self, available: true)
    }

    private func renewed(_ reply: ScriptReply) {
        compare(reply.listings(0))
        settings.heard(highest: Int64(reply.text(1)) ?? 0, reply.texts(2))
        delegate?.queueClient(self, pools: reply.texts(3).compactMap { Pool($0) })
    }

    /// Compares this gateway's waiters with those that Redis listed. A waiter with a call under way is not judged.
    private func compare(_ listings: [WaiterRoll.Listing]) {
        guard !listings.isEmpty, let entries = delegate?.queueClientRoll(self) else { return }
        let settled = entries.map { entry in
            entry.standing == .waiting && outbox.isBusy(lane: entry.id.text)
                ? WaiterRoll.Entry(id: entry.id, standing: .deciding) : entry
        }
        let judgement = roll.heard(listings, settled)
        for id in judgement.strangers where !outbox.isBusy(lane: id.text) {
            cancel(id, tenant: "", lease: nil, dialed: false) {}
        }
        guard !judgement.lost.isEmpty else { return }
        delegate?.queueClient(self, notice: "Redis lost \(judgement.lost.count) waiters: they are enqueued again")
        delegate?.queueClient(self, lost: judgement.lost)
    }

    private func wentAway() {
        outbox.pause()
        settings.wentAway()
        isServed = false
        isCollecting = false
        if awaySince == nil { awaySince = membership.runtime.now }
    }

    private func subscription(_ event: RedisSubscription.Event) {
        switch event {
        case .subscribed:
            wakeLost = nil
            if wakeOutage.recovered() { delegate?.queueClient(self, notice: "Redis sends messages of grants again") }
            membership.mayRegister = true
            collect()
        case .lost(let reason):
            wakeLost = reason
        }
    }

    /// Reports the loss of the wake channel only while the other connection is up. If both are down, Redis itself is
    /// down.
    private func reportWakeLost() {
        guard let wakeLost, membership.connection.isUp, wakeOutage.failed(wakeLost) else { return }
        delegate?.queueClient(self, notice: "Redis sends no messages of grants: \(wakeLost)")
    }

    private func woken(_ message: [UInt8]) {
        let text = String(decoding: message, as: UTF8.self)
        if let grant = Grant(payload: text) {
            membership.counters.wakeupsByChannel += 1
            delegate?.queueClient(self, granted: grant)
        } else if text.hasPrefix("ended ") {
            ended(text.dropFirst("ended ".count))
        } else {
            collect()
        }
    }

    /// - Parameter words: the waiter and the reason.
    private func ended(_ words: some StringProtocol) {
        let w = words.split(separator: " ")
        guard w.count == 2, let waiter = WaiterID(w[0]) else { return }
        acknowledgements.append("ended:\(waiter):\(w[1])")
        delegate?.queueClient(self, ended: waiter, why: EndReason(word: w[1]))
    }

    private func everySecond() {
        collect()
        reportWakeLost()
        if isAvailable, let since = awaySince, membership.runtime.now - since >= QueueLimits.storeAwayMilliseconds {
            isAvailable = false
            delegate?.queueClient(self, available: false)
        }
    }

    private func collect() {
        guard membership.isMember else { return }
        guard !isCollecting else {
            collectAgain = true
            return
        }
        isCollecting = true
        collectAgain = false
        let batch = acknowledgements.prefix(QueueLimits.collectBatch)
        membership.call(ScriptLibrary.collect, Array(batch)) { [weak self] reply in
            guard let self else { return }
            isCollecting = false
            guard let reply, reply.status == "ok" else { return }
            acknowledgements.removeFirst(min(batch.count, acknowledgements.count))
            for grant in reply.texts(1).compactMap({ Grant(payload: $0) }) {
                // A grant that the channel brought may come again, before Redis knows of its acknowledgement.
                if !acknowledgements.contains(grant.letter) { membership.counters.wakeupsByCollect += 1 }
                delegate?.queueClient(self, granted: grant)
            }
            for words in reply.texts(3) { ended(words) }
            for probe in reply.texts(2) {
                let words = probe.split(separator: " ")
                guard words.count == 2, let worker = ProcessID(words[0]) else { continue }
                delegate?.queueClient(self, probe: worker, address: String(words[1]))
            }
            if reply.payload.first?.int == 1 || collectAgain || acknowledgementsWaiting >= QueueLimits.collectBatch {
                collect()
            }
        }
    }
}
