import Admin
import ArgumentParser
import Configuration
import EventLoop
import Glibc
import QueueCore
import RedisClient
import Worker
import WorkerCore

struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Serves slots by sidecars: browser servers, or any program that prints a ws:// line.")

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var log: LogOptions
    @Option(name: .setting("worker.listen"), help: .setting("worker.listen")) var listen: String?
    @Option(name: .setting("worker.advertise"), help: .setting("worker.advertise")) var advertise: String?
    @Option(name: .setting("worker.drainTimeout"), help: .setting("worker.drainTimeout")) var drainTimeout: String?
    @Option(name: .setting("worker.firstByte"), help: .setting("worker.firstByte")) var firstByte: String?
    @Option(name: .setting("worker.maxAge"), help: .setting("worker.maxAge")) var maxAge: String?
    @Option(name: .setting("worker.caps"), help: .setting("worker.caps")) var caps: String?
    @Option(name: .setting("worker.adminListen"), help: .setting("worker.adminListen")) var adminListen: String?
    @OptionGroup var admin: AdminOptions
    @OptionGroup var sidecar: SidecarOptions

    func run() throws {
        let own: Flags = [
            "worker.listen": listen.list, "worker.adminListen": adminListen.list, "worker.advertise": advertise.list,
            "worker.drainTimeout": drainTimeout.list, "worker.firstByte": firstByte.list, "worker.maxAge": maxAge.list,
            "worker.caps": caps.list,
        ]
        let settings = try Host.settings(
            .worker, config: file.config,
            flags: [
                own, fleet.flags, node.flags, log.flags, admin.flags, sidecar.flags,
            ])
        let worker = try WorkerSettings(
            role: try WorkerRole(settings), node: try NodeRole(settings, hostName: Host.hostName),
            redis: try Host.endpoint(settings))
        let adminRole = try AdminRole(settings, listen: "worker.adminListen")
        let process = try Process(log: settings.text("log.level"), format: settings.text("log.format"))
        let agent = WorkerAgent(
            loop: process.loop, settings: worker, version: Berth.configuration.version, log: process.log)
        agent.onDrained = { process.loop.stop() }
        let subject = WorkerSubject(agent)
        var admin: AdminServer?
        try process.run(onHangup: {}, untilEndedBy: agent.drain) {
            try agent.start()
            admin = try AdminServer.started(
                adminRole, redis: worker.redis, fleet: worker.fleet, process: process, subject: subject)
            process.guardStore(worker.redis, fleet: worker.fleet)
        }
        admin?.close()
    }
}

extension WorkerSettings {
    /// Adds to the configured role what this machine has: the driver's version and the browsers' programs.
    init(role: WorkerRole, node: NodeRole, redis: RedisEndpoint) throws {
        guard let listen = SocketAddress(host: role.listen.host, port: role.listen.port) else {
            throw Fatal("--listen: \(role.listen.host) is not an address; write its IPv4 or IPv6 numbers")
        }
        let machine = SidecarMachine(environment: Host.environment, temporaryFolder: Host.temporaryFolder)
        let kinds = SidecarKinds(role)
        var pools: [WorkerPool] = []
        for pool in role.pools {
            let (served, kind) = try kinds.kind(of: pool)
            pools.append(
                WorkerPool(
                    PoolPlan(
                        pool: served, slots: pool.slots, seating: pool.seating,
                        memoryBytesMax: pool.memoryBytesMax.map { UInt64($0) }),
                    kind: try kind.checked(for: served, on: machine), environment: pool.environment,
                    protocolLog: pool.protocolLog))
        }
        self.init(
            fleet: node.fleet, node: node.nodeID, secrets: node.secrets.map { Array($0.utf8) }, listen: listen,
            advertised: try WorkerSettings.advertised(role), redis: redis, pools: pools,
            drainTimeoutMilliseconds: UInt64(role.drainTimeoutMilliseconds),
            firstByteMilliseconds: UInt64(role.firstByteMilliseconds),
            workFolder: Host.temporaryFolder,
            protocolLogFolder: role.protocolLogFolder ?? "\(Host.temporaryFolder)/protocol-logs", caps: role.caps,
            maxAgeMilliseconds: role.maxAgeMilliseconds.map { UInt64($0) },
            memoryReserveBytes: UInt64(role.memoryReserveBytes))
    }

    private static func advertised(_ role: WorkerRole) throws -> String {
        guard let advertise = role.advertise else { return "" }
        guard let port = advertise.port ?? (role.listen.port == 0 ? nil : role.listen.port) else {
            throw Fatal("--advertise needs a port where --listen has port 0: \(advertise.host):<port>")
        }
        return ListenAddress(host: advertise.host, port: port).description
    }
}
