import EventLoop
import GatewayCore
import Queue
import QueueCore

/// A gateway on one loop: its listener, its clients, its place in the fleet.
///
/// Loop-confined. A process may run several, each on a loop of its own; they share nothing.
public final class GatewayServer {
    let loop: Loop
    let queue: QueueClient
    let tickets: Tickets
    let dialer: WorkerDialer
    let deadlines: Deadlines<ClientConnection>
    let events: any GatewayEvents
    let meter: GatewayMeter
    let doorway: Doorway
    private(set) var admission: Admission
    let waits: WaitTable<Stream>
    /// Clients that have a session. A session has no deadline.
    private var relaying: [ObjectIdentifier: ClientConnection] = [:]
    private(set) var isDraining = false

    /// From the accept to the whole head.
    var headMillisecondsMax = Client.headMillisecondsMax

    /// Reads Redis for the API, on a connection of its own. Connects at the first request.
    private(set) lazy var inspector = {
        let inspector = Inspector(loop: loop, endpoint: settings.redis, fleet: settings.fleet)
        onStop = { inspector.close() }
        return inspector
    }()
    private var onStop: () -> Void = {}

    private static let probeOutagesMax = 1_024
    private let settings: GatewaySettings
    /// Nil if the gateway speaks plain HTTP.
    private(set) var certificate: CertificateKeeper?
    private var startTimer: Timer?
    /// The failed probes that were logged: each further one of the same worker with the same words is not.
    private var probeOutages: [ProcessID: OutageLog] = [:]
    private var drainTimer: Timer?
    private var onDrained: (() -> Void)?
    /// The drain time is over, and clients without a session are being refused.
    private var isTelling = false
    private var isStopped = false

    public init(loop: Loop, settings: GatewaySettings, log: EventLog) throws(GatewayFailure) {
        guard
            let queue = QueueClient(
                loop: loop, endpoint: settings.redis, fleet: settings.fleet, node: settings.node)
        else {
            throw GatewayFailure("The node id \(settings.node) is not 1 to 64 letters, digits, `.`, `_` and `-`")
        }
        self.loop = loop
        self.settings = settings
        self.queue = queue
        tickets = Tickets(secrets: settings.secrets)
        meter = GatewayMeter(loop: loop)
        events = GatewayRecord(log: GatewayLog(loop: loop, log: log), meter: meter)
        admission = Admission(tenancy: settings.tenancy, defaultBrowser: settings.defaultBrowser)
        dialer = WorkerDialer(loop: loop, fleet: settings.fleet, secret: SigningKey(settings.secrets.first ?? []))
        deadlines = Deadlines(loop: loop)
        waits = WaitTable(runtime: loop, queue: queue, dialer: dialer, events: events)
        doorway = Doorway(loop: loop, budget: DescriptorBudget(openFilesMax: SystemLimits.openFilesLimit()))
        queue.delegate = self
        waits.noWorkerWaitMilliseconds = settings.noWorkerWaitMilliseconds
        waits.directory = { [unowned self] in admission.directory }
        meter.isConfigured = { [unowned self] in admission.tenancy.isConfigured($0) }
        doorway.onDropped = { [events] in events.headDropped() }
    }

    /// The gateway's id in the fleet.
    public var id: ProcessID { queue.id }
    /// The port listened on, once started.
    public var port: Int { doorway.port }
    /// The address listened on, with the port that the kernel chose if 0 was asked for.
    public var address: String {
        SocketAddress(host: settings.listen.host, port: port)?.description ?? settings.listen.description
    }
    /// An address that a client on this machine can connect to: loopback if the gateway listens on all addresses.
    public var reachableAddress: String {
        guard settings.listen.isUnspecified else { return address }
        return address.hasPrefix("[") ? "[::1]:\(port)" : "127.0.0.1:\(port)"
    }
    /// Clients in the queue or dialing, and sessions.
    public var counts: (waiting: Int, serving: Int) {
        (waits.count - doorway.occupancy.relayed, doorway.occupancy.relayed)
    }

    /// Listens and joins the fleet. Redis need not be there yet.
    public func start() throws(GatewayFailure) {
        certificate = try settings.tls.map { (files) throws(GatewayFailure) in
            try CertificateKeeper(loop: loop, files: files, events: events)
        }
        do throws(SystemError) {
            try doorway.open(settings.listen, sharesPort: settings.sharesPort) { [unowned self] in
                ClientConnection($0, server: self)
            }
        } catch {
            throw GatewayFailure("Cannot listen on \(settings.listen): \(error)")
        }
        events.listening(address, isEncrypted: certificate != nil)
        declareSettings()
        queue.start()
        startTimer = loop.schedule(after: QueueLimits.storeAwayMilliseconds) { [self] in
            if !queue.isAvailable { storeWentAway() }
        }
    }

    /// Replaces tenants, keys, limits and the node secret, and uses the files of the certificate as they are now.
    /// Connections stay as they are.
    /// - Parameter secrets: nil to keep those there are.
    /// - Throws: if the last key is gone and other machines reach the listener, so that it never opens by accident.
    public func reload(
        _ tenancy: Tenancy, tls: CertificateFiles? = nil, secrets: [[UInt8]]? = nil
    ) throws(GatewayFailure) {
        guard !tenancy.isOpen || tenancy.allowsForeignHosts || settings.listen.isLoopback else {
            throw GatewayFailure(
                "No tenant has a key any more, and \(settings.listen) is open to others: configure keys, or say "
                    + "--insecure-open")
        }
        guard (tls == nil) == (certificate == nil) else {
            throw GatewayFailure("A gateway changes between plain HTTP and TLS only at its start: restart it")
        }
        admission.tenancy = tenancy
        declareSettings()
        if let tls { certificate?.reload(tls) }
        if let secrets { dialer.secret = SigningKey(secrets.first ?? []) }
    }

    private func declareSettings() {
        let tenancy = admission.tenancy
        queue.declare(
            Declaration(
                policy: tenancy.policy, defaults: tenancy.defaultLimits,
                tenants: tenancy.tenants.map { Declaration.Row(tenant: $0.name, limits: $0.limits) },
                scaleFromZero: tenancy.scaleFromZero, queueMax: tenancy.queueMax))
    }

    // MARK: clients

    func clientClosed(_ client: ClientConnection) {
        doorway.closed(client)
        finishDrainIfEmpty()
    }

    func relayBegan(_ client: ClientConnection) {
        relaying[ObjectIdentifier(client)] = client
        doorway.relayBegan()
    }

    func relayEnded(_ client: ClientConnection) {
        relaying[ObjectIdentifier(client)] = nil
        doorway.relayEnded(client)
        finishDrainIfEmpty()
    }

    func retryAfterSeconds() -> Int {
        waits.grantRate.retryAfterSeconds(waiting: counts.waiting, now: loop.now, random: Crypto.randomUInt64())
    }

    /// Bytes of the sessions that go on.
    var liveBytes: (up: UInt64, down: UInt64) {
        relaying.values.reduce((0, 0)) { ($0.0 + $1.relayedBytes.up, $0.1 + $1.relayedBytes.down) }
    }

    // MARK: the end

    /// Takes no new clients and serves the present ones. After the drain time it refuses those that still wait, leaves the
    /// fleet and calls `done`. Idempotent; only the `done` of the first call is called.
    ///
    /// New clients are refused, and so are balancers' checks. A gateway that shares its port closes it instead, because the
    /// other processes take the new clients.
    public func drain(done: @escaping () -> Void) {
        guard !isDraining else { return }
        isDraining = true
        onDrained = done
        events.draining(waiting: counts.waiting, serving: counts.serving)
        if settings.sharesPort { doorway.stopListening() } else { admission.isDraining = true }
        drainTimer = loop.schedule(after: settings.drainTimeoutMilliseconds) { [self] in drainTimePassed() }
        // Not from inside this call: its caller may still be setting up.
        loop.afterThisTurn { [self] in finishDrainIfEmpty() }
    }

    private func drainTimePassed() {
        isTelling = true
        drainTimer?.cancel()
        for client in relaying.values { client.drainTimePassed() }
        for client in deadlines.elements { client.drainTimePassed() }
        drainTimer = loop.schedule(after: GatewayLimits.verdictMilliseconds) { [self] in
            // Redis has not answered for these, and the backlog has others.
            doorway.stopListening()
            for client in deadlines.elements { client.drainTimePassed() }
            drainTimer = loop.schedule(after: GatewayLimits.farewellMilliseconds) { [self] in stop() }
        }
    }

    /// The drain ends with the last wait and session. Connections that have neither, however many still come, only get
    /// the time to read their answer.
    private func finishDrainIfEmpty() {
        guard isDraining, waits.isEmpty else { return }
        // A client in the backlog has come too. It gets its refusal, because a reset would tell it nothing.
        doorway.stopListening()
        // A client that came before the port closed is served.
        if settings.sharesPort, !isTelling, doorway.awaitsHeads { return }
        if doorway.occupancy.parked == 0 {
            stop()
        } else if !isTelling {
            drainTimePassed()
        }
    }

    /// Ends everything now, and leaves the fleet.
    private func stop() {
        guard !isStopped else { return }
        isStopped = true
        drainTimer?.cancel()
        startTimer?.cancel()
        doorway.close()
        certificate?.close()
        for client in deadlines.elements { client.abort() }
        for client in relaying.values { client.abort() }
        deadlines.close()
        events.stopped()
        dialer.close()
        onStop()
        queue.stop { [self] in
            onDrained?()
            onDrained = nil
        }
    }
}

extension GatewayServer: QueueClientDelegate {
    public func queueClient(_ client: QueueClient, granted grant: Grant) {
        queue.acknowledge(grant)
        if waits.wasLent(grant.lease) { return }
        if let wait = waits[grant.lease.waiter] {
            queue.forget(grant.lease.waiter)
            wait.granted(grant)
        } else {
            events.grantReturned(grant)
            queue.cancel(grant.lease.waiter, tenant: "", lease: grant.lease, dialed: false) {}
        }
    }

    public func queueClient(_ client: QueueClient, ended waiter: WaiterID, why: EndReason) {
        waits[waiter]?.endedFromOutside(why)
    }

    public func queueClient(_ client: QueueClient, probe worker: ProcessID, address: String) {
        dialer.probe(worker, address: address) { [self] outcome in
            switch outcome {
            case .alive:
                probeOutages[worker] = nil
                events.probe(worker, address: address, failure: nil)
                queue.probed(worker, passed: true)
            case .failed(let words):
                if isNews(worker, words) { events.probe(worker, address: address, failure: words) }
                queue.probed(worker, passed: false)
            case .local(let words):
                // Says nothing about the worker; the probe is asked for again.
                guard isNews(worker, words) else { return }
                events.notice("this gateway could not probe \(worker) at \(address): \(words)")
            }
        }
    }

    private func isNews(_ worker: ProcessID, _ words: String) -> Bool {
        // Entries of workers that are gone for good stay, so empty the table at its bound.
        if probeOutages.count >= GatewayServer.probeOutagesMax { probeOutages = [:] }
        return probeOutages[worker, default: OutageLog()].failed(words)
    }

    public func queueClientRegisteredAnew(_ client: QueueClient) {
        for wait in waits.values.map({ $0 }) { wait.registeredAnew() }
    }

    public func queueClientRoll(_ client: QueueClient) -> [WaiterRoll.Entry]? { waits.values.map(\.rollEntry) }

    public func queueClient(_ client: QueueClient, lost waiters: [WaiterID]) {
        for id in waiters { waits[id]?.registeredAnew() }
    }

    public func queueClient(_ client: QueueClient, pools: [Pool]) { admission.directory = PoolDirectory(pools) }

    public func queueClient(_ client: QueueClient, available: Bool) {
        if available {
            waits.isStoreAway = false
            events.registered(queue.id)
        } else {
            storeWentAway()
        }
    }

    private func storeWentAway() {
        waits.isStoreAway = true
        events.storeAway()
        for wait in waits.values.map({ $0 }) { wait.storeWentAway() }
    }

    public func queueClient(_ client: QueueClient, notice: String) { events.notice(notice) }
}
