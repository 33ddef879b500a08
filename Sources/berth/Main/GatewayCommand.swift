import Admin
import ArgumentParser
import Configuration
import EventLoop
import Gateway
import GatewayCore
import Glibc
import RedisClient

struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Takes clients, holds them while no slot is free, and relays them to workers."
    )

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var log: LogOptions
    @Option(name: .setting("gateway.listen"), help: .setting("gateway.listen")) var listen: String?
    @Flag(name: .setting("gateway.reusePort"), help: .setting("gateway.reusePort")) var reusePort = false
    @Option(name: .setting("gateway.drainTimeout"), help: .setting("gateway.drainTimeout")) var drainTimeout: String?
    @Option(name: .setting("gateway.noWorkerWait"), help: .setting("gateway.noWorkerWait")) var noWorkerWait: String?
    @Option(name: .setting("gateway.trustedProxies"), help: .setting("gateway.trustedProxies")) var proxies: [String] =
        []
    @Flag(name: .setting("gateway.insecureOpen"), help: .setting("gateway.insecureOpen")) var insecureOpen = false
    @OptionGroup var tls: TLSOptions
    @Option(name: .setting("gateway.adminListen"), help: .setting("gateway.adminListen")) var adminListen: String?
    @OptionGroup var admin: AdminOptions
    @OptionGroup var clients: ClientOptions

    func run() throws {
        let settings = try settings()
        let role = try GatewayRole(settings)
        // Said with the place of the setting. The server reads the files again, and warns.
        _ = try Host.certificate(role, settings)
        let gateway = try GatewaySettings(
            role: role, node: try NodeRole(settings, hostName: Host.hostName),
            redis: try Host.endpoint(settings))
        let adminRole = try AdminRole(settings, listen: "gateway.adminListen")
        let process = try Process(log: settings.text("log.level"), format: settings.text("log.format"))
        let server = try GatewayServer(loop: process.loop, settings: gateway, log: process.log)
        let reloader = Reloader(command: self, server: server, process: process, settings: settings)
        let subject = GatewaySubject(server, loop: process.loop)
        var admin: AdminServer?
        try process.run(onHangup: reloader.reload, untilEndedBy: { done in server.drain(done: done) }) {
            try server.start()
            admin = try AdminServer.started(
                adminRole, redis: gateway.redis, fleet: gateway.fleet, process: process, subject: subject)
            process.guardStore(gateway.redis, fleet: gateway.fleet)
        }
        reloader.close()
        admin?.close()
    }

    fileprivate func settings() throws -> Settings {
        let own: Flags = [
            "gateway.listen": listen.list, "gateway.adminListen": adminListen.list,
            "gateway.reusePort": reusePort ? ["true"] : [],
            "gateway.drainTimeout": drainTimeout.list,
            "gateway.noWorkerWait": noWorkerWait.list, "gateway.trustedProxies": proxies,
            "gateway.insecureOpen": insecureOpen ? ["true"] : [],
        ]
        return try Host.settings(
            .gateway, config: file.config,
            flags: [
                own, fleet.flags, node.flags, log.flags, tls.flags, admin.flags, clients.flags,
            ],
            tenants: clients.tenants)
    }
}

/// Reads the configuration of a running gateway again, at SIGHUP and when its files have changed.
private final class Reloader {
    private let command: GatewayCommand
    private let server: GatewayServer
    private let log: EventLog
    private let first: Settings
    private var watch: ConfigurationWatch?

    init(command: GatewayCommand, server: GatewayServer, process: Process, settings: Settings) {
        self.command = command
        self.server = server
        log = process.log
        first = settings
        watch = ConfigurationWatch(loop: process.loop, files: settings.files) { [unowned self] in reload() }
    }

    func close() { watch?.close() }

    /// An error in the configuration changes nothing.
    func reload() {
        do {
            let settings = try command.settings()
            let role = try GatewayRole(settings)
            let node = try NodeRole(settings, hostName: Host.hostName)
            try server.reload(
                role.tenancy, tls: role.tls.map(CertificateFiles.init), secrets: node.secrets.map { Array($0.utf8) })
            watch?.files = settings.files
            let waiting = settings.restartsNeeded(since: first)
            log.log(
                .info, "reload", "Tenants and limits were read anew",
                [
                    "tenants": .number(role.tenancy.tenants.count),
                    "needs_restart": waiting.isEmpty ? nil : .text(waiting.joined(separator: " ")),
                ])
        } catch {
            log.log(.error, "reload", "The configuration was left as it is", ["reason": .text("\(error)")])
        }
    }
}

extension Settings {
    fileprivate var files: [String] { [fileName ?? Host.configFileDefault] + secretFiles }
}

extension GatewaySettings {
    init(role: GatewayRole, node: NodeRole, redis: RedisEndpoint) throws {
        guard let listen = SocketAddress(host: role.listen.host, port: role.listen.port) else {
            throw Fatal("--listen: \(role.listen.host) is not an address; write its IPv4 or IPv6 numbers")
        }
        self.init(
            listen: listen, sharesPort: role.reusesPort, tls: role.tls.map(CertificateFiles.init), fleet: node.fleet,
            node: node.nodeID,
            redis: redis,
            secrets: node.secrets.map { Array($0.utf8) },
            tenancy: role.tenancy, defaultBrowser: role.defaultBrowser,
            drainTimeoutMilliseconds: UInt64(role.drainTimeoutMilliseconds),
            noWorkerWaitMilliseconds: role.noWorkerWaitMilliseconds.map { UInt64($0) })
    }
}

extension CertificateFiles {
    init(_ role: GatewayRole.TLS) { self.init(certificate: role.certificate, key: role.key) }
}
