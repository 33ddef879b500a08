import Configuration
import EventLoop
import Gateway
import Glibc
import RedisClient
import Worker

/// The process' environment, files and host name. The configuration gets them as arguments.
enum Host {
    static let environment = ProcessEnvironment.variables

    /// The folders to look for programs in.
    static var path: String { environment["PATH"] ?? ProcessEnvironment.defaultPath }

    static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The folder for temporary files.
    static var temporaryFolder: String { WorkerSettings.workFolder(environment: environment) }

    /// The folder that the process was started in.
    static var folder: String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    /// Reads a file; `nil` if it cannot be read. It reads a little more than 1 MiB at most, so that the caller notices
    /// a file beyond the limit of 1 MiB.
    static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: (1 << 20) + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { return nil }
        return Array(bytes[..<count])
    }

    /// The configuration file if none is named. It need not exist.
    static let configFileDefault = "berth.yaml"

    /// Reads and checks the configuration for one command.
    ///
    /// - Parameter path: the value of `--config`. If it is `nil`: BERTH_CONFIG, else `berth.yaml` if there is one.
    static func settings(
        _ command: Setting.Command, config path: String?, flags: [Flags], tenants: [String] = []
    ) throws -> Settings {
        var input = SettingsInput(command: command)
        for some in flags { input.flags.merge(some.filter { !$0.value.isEmpty }) { $1 } }
        input.tenantFlags = tenants
        input.environment = environment
        input.readFile = read
        if let folder { input.folder = folder }
        let named = path ?? input.configFile
        if let bytes = read(named ?? configFileDefault) {
            input.file = (named ?? configFileDefault, bytes)
        } else if let named {
            throw ConfigurationProblem(place: named, message: "cannot be read: \(String(cString: strerror(errno)))")
        }
        return try Settings(input)
    }

    /// The gateway's certificate; `nil` for plain HTTP. An error names the place where the file was given.
    static func certificate(_ role: GatewayRole, _ settings: Settings) throws -> LoadedCertificate? {
        guard let files = role.tls.map(CertificateFiles.init) else { return nil }
        do throws(CertificateFault) {
            return try LoadedCertificate(files, files.read())
        } catch {
            throw ConfigurationProblem(place: settings.place(error.setting), message: error.words)
        }
    }

    /// The endpoint of the URL. An error names the place where the URL was given.
    static func endpoint(_ settings: Settings) throws -> RedisEndpoint {
        let endpoint: RedisEndpoint
        let authorities = settings.path("redis.ca")
        do {
            endpoint = try RedisEndpoint(url: settings.text("redis.url") ?? "", authorities: authorities)
        } catch {
            throw ConfigurationProblem(place: settings.place("redis.url"), message: "\(error)")
        }
        guard let authorities else { return endpoint }
        guard endpoint.isEncrypted else {
            throw ConfigurationProblem(
                place: settings.place("redis.ca"), message: "is for rediss:// only, and redis.url is \(endpoint)")
        }
        do throws(TLSFailure) {
            _ = try TLSContext(trusting: authorities)
        } catch {
            throw ConfigurationProblem(place: settings.place("redis.ca"), message: "\(error)")
        }
        return endpoint
    }
}
