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
    @Option(name: .setting("gateway.drainTimeout"), help: .setting("gateway.drainTimeout")) var drainTimeout: String?
    @Flag(name: .setting("gateway.insecureOpen"), help: .setting("gateway.insecureOpen")) var insecureOpen = false
    @OptionGroup var clients: ClientOptions

    func run() throws {
        let settings = try settings()
        let gateway = try GatewaySettings(
            role: try GatewayRole(settings), node: try NodeRole(settings, hostName: Host.hostName),
            redis: try Host.endpoint(settings))
        let process = try Process(log: settings.text("log.level"))
        let server = try GatewayServer(loop: process.loop, settings: gateway, log: process.log)
        try process.run(onHangup: { reload(server, process.log) }, untilEndedBy: server.drain) {
            try server.start()
            process.guardStore(gateway.redis, fleet: gateway.fleet)
        }
    }

    private func settings() throws -> Settings {
        let own: Flags = [
            "gateway.listen": listen.list, "gateway.drainTimeout": drainTimeout.list,
            "gateway.insecureOpen": insecureOpen ? ["true"] : [],
        ]
        return try Host.settings(
            .gateway, config: file.config, flags: [own, fleet.flags, node.flags, log.flags, clients.flags],
            tenants: clients.tenants)
    }

    /// Reads the tenants and their limits again. An error in the configuration changes nothing.
    private func reload(_ server: GatewayServer, _ log: JSONLog) {
        do {
            let role = try GatewayRole(try settings())
            try server.reload(role.tenancy)
            log.log(
                .info, "reload", "Tenants and limits were read anew", ["tenants": .number(role.tenancy.tenants.count)])
        } catch {
            log.log(.error, "reload", "The configuration was left as it is", ["reason": .text("\(error)")])
        }
    }
}

extension GatewaySettings {
    init(role: GatewayRole, node: NodeRole, redis: RedisEndpoint) throws {
        guard let listen = SocketAddress(host: role.listen.host, port: role.listen.port) else {
            throw Fatal("--listen: \(role.listen.host) is not an address; write its IPv4 or IPv6 numbers")
        }
        self.init(
            listen: listen, fleet: node.fleet, node: node.nodeID, redis: redis,
            secrets: node.secrets.map { Array($0.utf8) },
            tenancy: role.tenancy, defaultBrowser: role.defaultBrowser,
            drainTimeoutMilliseconds: UInt64(role.drainTimeoutMilliseconds))
    }
}
