import Admin
import ArgumentParser
import Configuration
import EventLoop
import Gateway
import GatewayCore
import Glibc
import RedisClient
import Worker
import WorkerCore

struct DevCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Everything on this machine: a gateway, a worker and a private Redis, ended together by Ctrl-C.")

    @OptionGroup var file: FileOptions
    @OptionGroup var log: LogOptions
    @Option(name: .setting("dev.listen"), help: .setting("dev.listen")) var listen: String?
    @Option(name: .setting("dev.slots"), help: .setting("dev.slots")) var slots: String?
    @Option(name: .setting("dev.adminListen"), help: .setting("dev.adminListen")) var adminListen: String?
    @OptionGroup var admin: AdminOptions
    @OptionGroup var clients: ClientOptions
    @OptionGroup var sidecar: SidecarOptions

    func run() throws {
        let own: Flags = ["dev.listen": listen.list, "dev.adminListen": adminListen.list, "dev.slots": slots.list]
        let settings = try Host.settings(
            .dev, config: file.config,
            flags: [
                own, log.flags, admin.flags, clients.flags, sidecar.flags,
            ], tenants: clients.tenants)
        let fleet = try DevFleet(settings)
        try fleet.run()
    }
}

/// One gateway, one worker and one Redis, on one loop.
final class DevFleet {
    private let process: Process
    private let folder: DevFolder
    private let gateway: GatewayServer
    private let worker: WorkerAgent
    private let slots: Int
    private let what: String
    private let adminRole: AdminRole
    private let endpoint: RedisEndpoint
    private lazy var subject = GatewaySubject(gateway, loop: process.loop)
    private var admin: AdminServer?
    private var redis: PrivateRedis?
    private var isServing = false

    /// Checks all that the fleet needs, and starts nothing yet.
    init(_ settings: Settings) throws {
        let gatewayRole = try GatewayRole(settings, listenName: "dev.listen")
        let workerRole = try WorkerRole(settings, isDev: true)
        slots = workerRole.pools.reduce(0) { $0 + $1.slots }
        adminRole = try AdminRole(settings, listen: "dev.adminListen")
        what = Set(workerRole.pools.map(\.served)).sorted().joined(separator: ", ")
        process = try Process(log: settings.text("log.level"), format: settings.text("log.format"))
        DevFolder.sweep(Host.temporaryFolder)
        folder = try DevFolder(in: Host.temporaryFolder)
        do {
            endpoint = try RedisEndpoint(url: "unix://\(folder.socket)")
            let node = NodeRole(dev: "dev", secret: Crypto.randomHex(bytes: 32))
            var ours = try GatewaySettings(role: gatewayRole, node: node, redis: endpoint)
            var theirs = try WorkerSettings(role: workerRole, node: node, redis: endpoint)
            // After Ctrl-C no session goes on: the user wants the program to end.
            ours.drainTimeoutMilliseconds = 0
            theirs.drainTimeoutMilliseconds = 0
            gateway = try GatewayServer(loop: process.loop, settings: ours, log: process.log)
            // The worker needs its own log, because gateway and worker add different fields to each line.
            let log = EventLog(minimum: process.log.minimum)
            log.format = process.log.format
            worker = WorkerAgent(
                loop: process.loop, settings: theirs, version: Berth.configuration.version, log: log)
        } catch {
            folder.remove()
            throw error
        }
    }

    func run() throws {
        defer { folder.remove() }
        try process.run(onHangup: nil, untilEndedBy: end) {
            redis = try PrivateRedis(
                loop: process.loop, folder: folder, onReady: { [self] in serve() }, onFailure: { [self] in fail($0) })
        }
    }

    private func serve() {
        do {
            // The gateway starts first, so that a port in use ends the program before a browser starts.
            try gateway.start()
            admin = try AdminServer.started(
                adminRole, redis: endpoint, fleet: "default", process: process, subject: subject)
            worker.onTrouble = { [weak self] slot, words in self?.say("slot \(slot) does not come up: \(words)") }
            worker.onDrained = { [weak self] in
                self?.say("the worker has drained: no slot is left; Ctrl-C ends it all")
            }
            // Before, a client would be told that nobody offers its pool.
            worker.onRegistered = { [weak self] in self?.announce() }
            try worker.start()
        } catch {
            return fail(Fatal("\(error)"))
        }
        isServing = true
        process.log.log(
            .info, "dev", "everything runs",
            [
                "address": .text(gateway.address), "redis": .text("unix://\(folder.socket)"),
                "slots": .number(slots),
            ])
    }

    private func announce() {
        say(
            "\(slots) \(what) \(slots == 1 ? "slot" : "slots") behind ws://\(gateway.reachableAddress)/ , the live page at http://\(admin?.address ?? ""), "
                + "the fleet's records behind --redis unix://\(folder.socket); Ctrl-C ends it all")
    }

    private func end(_ done: @escaping () -> Void) {
        guard isServing else { return done() }
        admin?.close()
        gateway.drain { [self] in
            worker.drain { [self] in
                guard let redis else { return done() }
                redis.stop(done: done)
            }
        }
    }

    /// Removes the folder first, because Redis and the sidecars end with this process.
    private func fail(_ fatal: Fatal) {
        folder.remove()
        fatal.end()
    }

    /// Writes to the user's terminal; the log is separate.
    private func say(_ words: String) {
        let line = "berth dev: \(words)\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
    }
}
