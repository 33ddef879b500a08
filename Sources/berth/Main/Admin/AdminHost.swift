import Admin
import ArgumentParser
import Configuration
import EventLoop
import RedisClient

struct AdminOptions: ParsableArguments {
    @Option(name: .fileOf("admin.token"), help: "A file that holds the admin token; see BERTH_ADMIN_TOKEN.")
    var tokenFile: String?

    var flags: Flags { ["admin.tokenFile": tokenFile.list] }
}

extension AdminServer {
    /// Listens. If nobody chose the address and another process has it, on any free port instead.
    static func started(
        _ role: AdminRole, redis: RedisEndpoint, fleet: String, process: Process, subject: any AdminSubject
    ) throws -> AdminServer {
        func server(port: Int) throws -> AdminServer {
            guard let address = SocketAddress(host: role.listen.host, port: port) else {
                throw Fatal("--admin-listen: \(role.listen.host) is not an address; write its IPv4 or IPv6 numbers")
            }
            let server = AdminServer(
                loop: process.loop, settings: AdminSettings(listen: address, token: role.token, fleet: fleet),
                redis: redis, version: Berth.configuration.version, log: process.log, subject: subject)
            do throws(AdminFailure) {
                try server.start()
            } catch {
                server.close()
                throw error
            }
            return server
        }
        do {
            return try server(port: role.listen.port)
        } catch is AdminFailure where role.isDefault {
            return try server(port: 0)
        }
    }
}
