import EventLoop
import Glibc
import Queue
import QueueCore
import WorkerCore

/// A worker: takes grants from gateways, serves them with its sidecars, and tells Redis the state of its slots.
///
/// Loop-confined. Call `start` once and `drain` once. The loop has no work left when the drain is over.
public final class WorkerAgent {
    private let loop: Loop
    let settings: WorkerSettings
    private let version: String
    private let events: any WorkerEvents
    let meter: WorkerMeter
    private var listener: Listener?
    private(set) var registry: SlotRegistry?
    private(set) var board: SlotBoard?
    private var door: GatewayDoor?
    private var unreachedTimer: Timer?
    private(set) var wasReached = false
    var unreachedMilliseconds = WorkerLimits.unreachedMilliseconds
    /// At most a quarter of the descriptors, because sidecars need the others.
    var pendingConnectionsMax = min(WorkerLimits.pendingConnectionsMax, SystemLimits.openFilesLimit() / 4)
    private var sidecars: LocalSidecars?
    private let protocolLogs: ProtocolLogFiles
    private var watch: MachineWatch?
    private var drainDone: [() -> Void] = []
    private var drainTimer: Timer?
    private var ageTimer: Timer?
    private(set) var isDraining = false
    private var isStopping = false
    private var isOver = false
    private(set) var wasRegistered = false
    private(set) var isRedisAway = false

    /// Called when this worker has drained by itself, and the process should end: an operator ordered it, a newer process
    /// has this node id, or the worker reached its age.
    public var onDrained: (() -> Void)?
    /// Called once, when gateways and Redis know this worker and its pools. Its slots may still be starting.
    public var onRegistered: (() -> Void)?
    /// Called when a slot's sidecar does not start, once for each reason.
    public var onTrouble: ((_ slot: Int, _ words: String) -> Void)?

    /// - Parameter version: the program's, a name (1–64 characters of `[A-Za-z0-9._-]`). Operators see it.
    public init(loop: Loop, settings: WorkerSettings, version: String, log: EventLog) {
        self.loop = loop
        self.settings = settings
        self.version = version
        meter = WorkerMeter(pools: settings.pools.map(\.plan.pool))
        events = WorkerRecord(log: WorkerLog(log), meter: meter)
        protocolLogs = ProtocolLogFiles(folder: settings.protocolLogFolder, loop: loop, events: events)
    }

    /// This process in the fleet; nil before `start`.
    public var id: ProcessID? { registry?.id }

    /// The port listened on.
    public var port: Int { listener?.port ?? 0 }

    /// Listens, removes what an earlier worker of this node id left, starts the sidecars and registers.
    public func start() throws(WorkerFailure) {
        guard !settings.secrets.isEmpty || settings.listen.isLoopback else {
            throw WorkerFailure(
                "without NODE_SECRET a worker listens on loopback only: set the same secret at gateways and workers, or "
                    + "listen on 127.0.0.1")
        }
        let slots = settings.pools.flatMap { Array(repeating: $0.plan.pool, count: $0.plan.slots) }
        guard !slots.isEmpty else { throw WorkerFailure("a worker needs at least one slot") }
        let listener: Listener
        do throws(SystemError) {
            listener = try Listener(loop: loop, address: settings.listen) { [weak self] stream in
                guard let door = self?.door else { return stream.close() }
                door.accepted(stream)
            }
        } catch {
            throw WorkerFailure("cannot listen on \(settings.listen): \(error)")
        }
        self.listener = listener
        guard
            let registry = SlotRegistry(
                loop: loop, endpoint: settings.redis, fleet: settings.fleet, node: settings.node,
                address: advertised(listener.port), port: listener.port, takesIPv6: settings.listen.host != "0.0.0.0",
                pools: slots, caps: settings.caps, version: version)
        else {
            listener.close()
            throw WorkerFailure(
                "\"\(settings.node)\" is no node id: 1 to 64 letters, digits, dots, dashes, underscores")
        }
        do throws(WorkerFailure) {
            try startSlots(registry)
        } catch {
            listener.close()
            throw error
        }
        self.registry = registry
        open(registry)
        events.worker(
            .listening(
                registry.id, address: listening(listener.port), slots: slots.count, fleet: settings.fleet))
        registry.delegate = self
        registry.start()
        limitAge()
    }

    private func startSlots(_ registry: SlotRegistry) throws(WorkerFailure) {
        let mark = SidecarMark(registry.id)
        let swept = Leftovers.sweep(mark, parent: settings.workFolder)
        if swept > 0 { events.worker(.sweptLeftovers(processes: swept)) }
        let workFolder = mark.folder(in: settings.workFolder)
        guard mark.makeFolder(in: settings.workFolder) else {
            throw WorkerFailure("cannot make the work folder \(workFolder): \(String(cString: strerror(errno)))")
        }
        let sidecars = LocalSidecars(
            settings.pools, loop: loop,
            folder: workFolder,
            environment: SidecarEnvironment.inherited().merging(mark.environment) { _, new in new })
        self.sidecars = sidecars
        let board = SlotBoard(
            pools: settings.pools.map(\.plan), ledger: registry,
            around: SidecarContext(clock: loop, host: sidecars, events: events, seed: .random(in: 0 ... .max)))
        board.onChange = { [weak self] in self?.lookAtDrain() }
        board.onTrouble = { [weak self] in self?.onTrouble?($0, $1) }
        self.board = board
        if settings.pools.contains(where: { $0.protocolLog != .off }) { protocolLogs.start() }
        let watch = MachineWatch(
            loop,
            MachineLook(folder: settings.workFolder, looksAtShm: settings.pools.contains { $0.kind.isBrowser }),
            reserveBytes: settings.memoryReserveBytes, board: board, events: events)
        self.watch = watch
        watch.start()
        board.start()
    }

    /// The address that gateways dial. Empty if the worker listens on all addresses: then the registry finds one.
    private func advertised(_ port: Int) -> String {
        if !settings.advertised.isEmpty || settings.listen.isUnspecified { return settings.advertised }
        return listening(port)
    }

    private func listening(_ port: Int) -> String {
        SocketAddress(host: settings.listen.host, port: port)?.description ?? settings.listen.description
    }

    // MARK: Connections

    private func open(_ registry: SlotRegistry) {
        let credentials = Credentials(
            fleet: settings.fleet, worker: registry.id,
            secrets: (settings.secrets.isEmpty ? [[]] : settings.secrets).map(SigningKey.init))
        let door = GatewayDoor(
            loop: loop, credentials: credentials, connectionsMax: pendingConnectionsMax, events: events
        ) { [weak self] grant, secret, head, stream in
            guard let self, let board, let (pool, place) = settings.pools.place(of: grant.slot) else {
                return stream.close()
            }
            board.present(
                pool.kind.session(
                    GrantedConnection(
                        grant: grant, secret: secret, head: head, gateway: stream,
                        firstByteMilliseconds: settings.firstByteMilliseconds, place: place,
                        log: protocolLogs.log(grant, head, of: pool))))
        }
        door.onReached = { [weak self] in
            self?.wasReached = true
            self?.unreachedTimer?.cancel()
            self?.unreachedTimer = nil
        }
        self.door = door
    }

    /// Reports if no gateway reaches this worker, because it then gets no grant and no other process sees why.
    private func expectGateways() {
        guard !wasReached, unreachedTimer == nil else { return }
        unreachedTimer = loop.schedule(after: unreachedMilliseconds) { [weak self] in
            guard let self, let registry, !isDraining else { return }
            // The timer stays set, so that this event happens once.
            events.worker(.unreached(address: registry.address))
        }
    }

    // MARK: The end

    private func limitAge() {
        guard let maxAge = settings.maxAgeMilliseconds else { return }
        let age = Spread.below(maxAge, draw: Crypto.randomUInt64())
        ageTimer = loop.schedule(after: age) { [weak self] in self?.drainByItself(.aged(milliseconds: age)) }
    }

    private func drainByItself(_ cause: WorkerEvent) {
        guard !isDraining else { return }
        events.worker(cause)
        drain { [weak self] in self?.onDrained?() }
    }

    /// Takes no more clients. Sessions continue for `drainTimeoutMilliseconds`, then end. Calls `done` when everything
    /// is closed; a further call waits for the same end.
    public func drain(done: @escaping () -> Void) {
        if isOver { return loop.afterThisTurn(done) }
        drainDone.append(done)
        guard !isDraining else { return }
        isDraining = true
        ageTimer?.cancel()
        ageTimer = nil
        events.worker(.draining(sessions: board?.table.leases.count ?? 0))
        registry?.drain()
        board?.drain()
        drainTimer = loop.schedule(after: settings.drainTimeoutMilliseconds) { [weak self] in
            self?.drainTimer = nil
            self?.board?.closeAll(reason: WorkerOrder.drained)
        }
        lookAtDrain()
    }

    private func lookAtDrain() {
        guard isDraining, !isStopping, board?.isStopped ?? true else { return }
        isStopping = true
        drainTimer?.cancel()
        drainTimer = nil
        // If Redis is away, the TTL removes this worker there.
        var timer: Timer?
        var isFinished = false
        let finish = { [self] in
            guard !isFinished else { return }
            isFinished = true
            timer?.cancel()
            stopped()
        }
        timer = loop.schedule(after: WorkerLimits.redisFarewellMilliseconds, finish)
        guard let registry else { return finish() }
        registry.stop(done: finish)
    }

    private func stopped() {
        listener?.close()
        door?.close()
        watch?.stop()
        unreachedTimer?.cancel()
        protocolLogs.close { [self] in
            guard let sidecars else { return over(left: 0) }
            sidecars.clear { [self] in over(left: $0) }
        }
    }

    private func over(left: Int) {
        if left > 0 { events.worker(.leftProcesses(left)) }
        events.worker(.stopped)
        isOver = true
        let calls = drainDone
        drainDone = []
        for call in calls { call() }
    }
}

extension WorkerAgent: SlotRegistryDelegate {
    public func slotRegistryRows(_ registry: SlotRegistry) -> [SlotRow] { board?.table.rows ?? [] }
    public func slotRegistryTrouble(_ registry: SlotRegistry) -> String { board?.trouble ?? "" }

    public func slotRegistry(_ registry: SlotRegistry, close lease: LeaseID, reason: String) {
        board?.close(lease, reason: reason)
    }

    public func slotRegistry(_ registry: SlotRegistry, recycle slot: Int, token: Token) {
        board?.recycle(slot, token: token)
    }

    public func slotRegistryLicenceOver(_ registry: SlotRegistry) {
        events.worker(.licenceOver(sessions: board?.table.leases.count ?? 0))
        board?.closeAll(reason: WorkerOrder.strictCaps)
    }

    public func slotRegistryDrain(_ registry: SlotRegistry) { drainByItself(.drainOrdered) }

    public func slotRegistrySuperseded(_ registry: SlotRegistry) {
        drainByItself(.superseded(node: settings.node))
    }

    public func slotRegistry(_ registry: SlotRegistry, available: Bool) {
        if available {
            events.worker(.registered(again: wasRegistered))
            wasRegistered = true
            isRedisAway = false
            expectGateways()
            let call = onRegistered
            onRegistered = nil
            call?()
        } else if !isRedisAway {
            // The registry reports each failed attempt; the first one is enough.
            isRedisAway = true
            events.worker(.redisAway)
        }
    }

    public func slotRegistry(_ registry: SlotRegistry, notice: String) {
        events.worker(.notice(notice))
    }
}
