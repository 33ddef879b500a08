import EventLoop
import QueueCore
import RedisClient

/// Events from the queue for a worker. Called on the loop.
public protocol SlotRegistryDelegate: AnyObject {
    /// The current slots, for `register` and each renew. Leave out a slot whose accept is under way.
    func slotRegistryRows(_ registry: SlotRegistry) -> [SlotRow]
    /// Why slots have no working sidecar, for `berth status`. At most `QueueLimits.troubleBytesMax` bytes; empty if all
    /// have one.
    func slotRegistryTrouble(_ registry: SlotRegistry) -> String
    /// Redis ended this lease by verdict (`ended`), or a request asked for its end: end its session. Repeated at each
    /// renew until the lease is gone. `reason` is one word.
    func slotRegistry(_ registry: SlotRegistry, close lease: LeaseID, reason: String)
    /// In Redis the slot is recycling from `token`, which this worker may never have received. Use it as the slot's
    /// last token from now on. If the slot is free, call `ready` with it.
    func slotRegistry(_ registry: SlotRegistry, recycle slot: Int, token: Token)
    /// Caps are strict, and Redis did not answer for so long that it may give this worker's places to others: end all
    /// sessions.
    func slotRegistryLicenceOver(_ registry: SlotRegistry)
    /// An operator ordered this worker to drain. Repeated at each renew until `drain` is called.
    func slotRegistryDrain(_ registry: SlotRegistry)
    /// A newer process has this node id: drain.
    func slotRegistrySuperseded(_ registry: SlotRegistry)
    func slotRegistry(_ registry: SlotRegistry, available: Bool)
    func slotRegistry(_ registry: SlotRegistry, notice: String)
}

/// A worker's side of the queue: makes its slots in Redis follow the slots it has. Loop-confined.
///
/// `reject`, `release` and `ready` are kept until Redis answers them, in order per slot. An `accept` is sent once.
public final class SlotRegistry {
    public weak var delegate: (any SlotRegistryDelegate)?
    public let id: ProcessID

    private let membership: Membership
    /// Since the start.
    public var counters: QueueCounters { membership.counters }
    private let outbox: Outbox
    private var control: (any StoreSubscription)?
    private let advertised: String
    private let port: Int
    private let takesIPv6: Bool
    private let pools: [Pool]
    private let caps: CapsMode
    private let lifetime: Int
    private let version: String
    /// The time of this process' start, by the loop's clock.
    private let startedAt: UInt64
    private var sessions = 0
    private var licence = Licence()
    private var licenceLook: (any ScheduledCall)?
    private var renewNumber = 0
    private var isDraining = false
    /// The lease that each slot serves, from the reply to its accept. Declared again if Redis lost it.
    private var served: [Int: Served] = [:]

    /// Redis' data about a lease, from the reply to its accept.
    private struct Served {
        let lease: LeaseID
        let tenant: String
        let keepSeconds: Int
        let run: String
        /// The first accept, by the loop's clock.
        let since: UInt64
        /// A client was served, so the slot counts for its tenant.
        var isCounted = false
    }

    /// - Parameters:
    ///   - address: the address that gateways dial, `host:port`. If empty: the local address of the Redis connection,
    ///     with `port`.
    ///   - takesIPv6: whether that address may be IPv6. A listener on 0.0.0.0 accepts no IPv6.
    ///   - pools: the pool of each slot.
    ///   - caps: if strict, `slotRegistryLicenceOver` is called when Redis did not answer for the process TTL.
    ///   - lifetime: sessions after which this worker ends, 0 for no limit. Among such workers, the one nearest its end
    ///     is chosen first, so that they do not end together.
    ///   - version: the program's, a name (1–64 characters of `[A-Za-z0-9._-]`).
    public convenience init?(
        loop: Loop, endpoint: RedisEndpoint, fleet: String, node: String, address: String, port: Int,
        takesIPv6: Bool = true, pools: [Pool], caps: CapsMode = .lenient, lifetime: Int = 0, version: String
    ) {
        self.init(
            runtime: LoopRuntime(loop: loop, endpoint: endpoint, key: Keys(fleet: fleet).state), fleet: fleet,
            node: node, address: address, port: port, takesIPv6: takesIPv6, pools: pools, caps: caps,
            lifetime: lifetime, version: version)
    }

    package init?(
        runtime: any QueueRuntime, fleet: String, node: String, address: String, port: Int,
        takesIPv6: Bool = true, pools: [Pool], caps: CapsMode = .lenient, lifetime: Int = 0, version: String
    ) {
        precondition(isName(version), "a version is a name")
        guard let id = ProcessID(node: node, generation: runtime.randomUInt64()) else { return nil }
        self.id = id
        advertised = address
        self.port = port
        self.takesIPv6 = takesIPv6
        self.pools = pools
        self.caps = caps
        self.lifetime = lifetime
        self.version = version
        startedAt = runtime.now
        let membership = Membership(runtime: runtime, fleet: fleet, id: id, kind: .worker)
        self.membership = membership
        outbox = Outbox(later: { runtime.afterThisTurn($0) }) { [weak membership] script, arguments, done in
            membership?.call(script, arguments, done: done)
        }
        membership.registration = { [weak self] in self?.registration() ?? [] }
        membership.renewal = { [weak self] in self?.renewal($0) ?? [] }
        membership.onServe = { [weak self] _ in self?.serve() }
        membership.onAnswered = { [weak self] in self?.notifyAvailable() }
        membership.onAway = { [weak self] in
            guard let self else { return }
            outbox.pause()
            delegate?.slotRegistry(self, available: false)
        }
        if caps == .strict {
            membership.onRenewed = { [weak self] in
                guard let self else { return }
                perform(licence.renewed(sentAt: $0))
            }
        }
        membership.onOrders = { [weak self] in self?.obey($0, notes: $1) }
        membership.onNotice = { [weak self] in
            guard let self else { return }
            delegate?.slotRegistry(self, notice: $0)
        }
        control = runtime.subscription(
            channel: membership.keys.control(id.text), onEvent: { _ in },
            onMessage: { [weak self] in self?.obey([String(decoding: $0, as: UTF8.self)], notes: []) })
    }

    /// Connects and registers. Redis may be unreachable at this time.
    public func start() {
        control?.start()
        membership.start()
    }

    /// Leaves the fleet and closes the connections. Sessions that still run lose their leases.
    public func stop(done: @escaping () -> Void) {
        membership.leave { [self] in
            licenceLook?.cancel()
            control?.close()
            membership.close()
            done()
        }
    }

    // MARK: - Requests

    /// Accepts the lease in Redis. Call it before any byte of the client reaches the sidecar. `done` is called once, on
    /// the loop.
    /// - Parameter attach: the number of the lease's connection.
    public func accept(
        _ lease: LeaseID, slot: Int, token: Token, attach: Int = 1, done: @escaping (AcceptReply) -> Void
    ) {
        guard membership.isMember else {
            membership.runtime.afterThisTurn { done(.failed) }
            return
        }
        membership.call(ScriptLibrary.accept, words(lease, slot, token) + [String(attach)]) { [weak self] reply in
            guard let reply, !reply.isStale else { return done(.failed) }
            guard reply.status == "accepted" else { return done(reply.status == "ended" ? .ended : .failed) }
            let keepSeconds = reply.number(1)
            if let self {
                serves(
                    Served(
                        lease: lease, tenant: reply.text(0), keepSeconds: keepSeconds, run: reply.text(2),
                        since: membership.runtime.now), slot: slot)
                if attach == 1 { sessions += 1 }
            }
            done(.accepted(keepSeconds: keepSeconds))
        }
    }

    /// The worker proved itself to the gateway: from now on, until the release, the slot counts for its tenant.
    public func proved(slot: Int) {
        guard let one = served[slot], !one.isCounted else { return }
        served[slot]!.isCounted = true
        membership.note(.sessionBegan, of: one.tenant)
    }

    /// A kept lease stays the same for its next connection.
    private func serves(_ next: Served, slot: Int) {
        guard served[slot]?.lease != next.lease else { return }
        servesNobody(slot)
        served[slot] = next
    }

    private func servesNobody(_ slot: Int) {
        guard let one = served.removeValue(forKey: slot), one.isCounted else { return }
        membership.note(.sessionEnded, of: one.tenant)
    }

    /// The connection failed before its proof.
    /// - Parameter slotFree: whether the slot is free at this worker (a `stale` grant never used it).
    public func reject(
        _ lease: LeaseID, slot: Int, token: Token, attach: Int = 1, reason: RejectReason, slotFree: Bool
    ) {
        let arguments =
            ["worker", lease.description, reason.rawValue, slotFree ? "1" : "0", String(slot)] + words(token)
            + [String(attach)]
        outbox.post(ScriptLibrary.reject, arguments, lane: String(slot)) { _ in }
    }

    /// The client's socket dropped, and the slot is kept for its return. If the lease is over by then, the delegate
    /// closes it.
    public func keep(_ lease: LeaseID, slot: Int, token: Token, attach: Int) {
        let arguments = words(lease, slot, token) + [String(attach)]
        outbox.post(ScriptLibrary.keep, arguments, lane: String(slot)) { [weak self] reply in
            guard let self, reply?.status == "ended" else { return }
            delegate?.slotRegistry(self, close: lease, reason: "ended")
        }
    }

    /// The session of this lease is over.
    /// - Parameter isFit: the slot is ready for its next client already, so the same call frees it and grants it again.
    public func release(_ lease: LeaseID, slot: Int, token: Token, isFit: Bool = false) {
        servesNobody(slot)
        let arguments = words(lease, slot, token) + (isFit ? ["1"] : [])
        outbox.post(ScriptLibrary.release, arguments, lane: String(slot)) { _ in }
    }

    /// The slot is ready for its next client. Call it after the `reject` of that token, or after its `release` if the
    /// slot was not fit then.
    public func ready(slot: Int, token: Token) {
        let arguments = [String(slot)] + words(token)
        outbox.post(ScriptLibrary.ready, arguments, lane: String(slot)) { _ in }
    }

    /// A slot failed or was repaired. Renews at once, so that Redis has the change before the next renew is due.
    public func changed() {
        membership.renew()
    }

    /// Accepts no more clients. Sessions continue. Each `register` and renew repeats it, so that Redis cannot lose it.
    public func drain() {
        isDraining = true
        membership.renew()
    }

    // MARK: - Events and replies

    private func serve() {
        outbox.resume(connection: membership.connection.number)
        notifyAvailable()
        membership.renew()
    }

    /// Reports that Redis is available, if calls may be sent and Redis executes them.
    private func notifyAvailable() {
        guard membership.isMember, membership.isAnswered else { return }
        delegate?.slotRegistry(self, available: true)
    }

    private func perform(_ action: Licence.Action) {
        switch action {
        case .nothing:
            break
        case .look(let at):
            let runtime = membership.runtime
            let now = runtime.now
            licenceLook = runtime.schedule(after: at > now ? at - now : 0, repeating: 0) { [weak self] in
                guard let self else { return }
                perform(licence.looked(now: membership.runtime.now))
            }
        case .endSessions:
            delegate?.slotRegistryLicenceOver(self)
        }
    }

    private func obey(_ orders: [String], notes: [String]) {
        for order in orders {
            let w = order.split(separator: " ").map(String.init)
            if w == ["drain"] {
                delegate?.slotRegistryDrain(self)
            } else if w.count == 3, w[0] == "close", let lease = LeaseID(w[1]) {
                delegate?.slotRegistry(self, close: lease, reason: w[2])
            } else if w.count == 4, w[0] == "recycle", let slot = Int(w[1]), let epoch = Int64(w[2]),
                let number = Int64(w[3]), pools.indices.contains(slot)
            {
                delegate?.slotRegistry(self, recycle: slot, token: Token(epoch: epoch, number: number))
            }
        }
        if notes.contains("superseded") { delegate?.slotRegistrySuperseded(self) }
    }

    /// The address that gateways dial, as it was registered last or will be registered next.
    public var address: String { advertised.isEmpty ? localAddress() : advertised }

    private func registration() -> [String] {
        renewNumber = 0
        return [
            address, String(pools.count), caps.rawValue, String(lifetime), String(sessions), isDraining ? "1" : "0",
            String(membership.runtime.now - startedAt), version,
        ]
            + pools.map(\.description) + rows()
    }

    private func renewal(_ usage: String) -> [String] {
        renewNumber += 1
        return [String(renewNumber), delegate?.slotRegistryTrouble(self) ?? "", isDraining ? "1" : "0", usage] + rows()
    }

    /// The rows of the slots. A slot with an unanswered call is left out, because a row that overtakes its own
    /// `release` would make Redis queue the waiter again. A leased row without a known tenant is left out, because its
    /// accept is under way.
    private func rows() -> [String] {
        (delegate?.slotRegistryRows(self) ?? []).compactMap { row in
            guard !outbox.isBusy(lane: String(row.slot)) else { return nil }
            let words = [String(row.slot), row.state.rawValue] + self.words(row.token)
            guard let lease = row.lease else { return (words + ["-", "-"]).joined(separator: " ") }
            guard let served = served[row.slot], served.lease == lease else { return nil }
            return
                (words + [
                    lease.description, served.tenant, String(served.keepSeconds), String(row.attach),
                    served.run.isEmpty ? "-" : served.run, String(membership.runtime.now - served.since),
                ]).joined(separator: " ")
        }
    }

    private func localAddress() -> String {
        let local = membership.connection.localAddress
        let found = AdvertisedAddress.found(local: local, takesIPv6: takesIPv6, port: port)
        if found.isGuess {
            delegate?.slotRegistry(
                self,
                notice:
                    "No address is known that gateways could dial: Redis is reached over IPv6, and 0.0.0.0 takes only "
                    + "IPv4. Name one by --advertise, or listen on [::]")
        }
        return found.address
    }

    private func words(_ token: Token) -> [String] { [String(token.epoch), String(token.number)] }

    private func words(_ lease: LeaseID, _ slot: Int, _ token: Token) -> [String] {
        [lease.description, String(slot)] + words(token)
    }
}
