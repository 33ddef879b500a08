import ArgumentParser
import Configuration

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Checks or prints the configuration that a process would use here.",
        subcommands: [Check.self, Print.self])

    struct Role: ParsableArguments {
        @OptionGroup var file: FileOptions
        @Option(help: "gateway or worker: see it as that process would, cross-checks and environment included.")
        var role: String?

        func settings() throws -> Settings {
            guard let command = role.map(Setting.Command.init) ?? .config, command != .dev else {
                throw ValidationError("--role is gateway or worker")
            }
            let settings = try Host.settings(command, config: file.config, flags: [])
            _ = try Host.endpoint(settings)
            if command == .gateway || command == .worker {
                _ = try NodeRole(settings, hostName: Host.hostName)
            }
            if command == .gateway {
                for words in try Host.certificate(try GatewayRole(settings), settings)?.warnings ?? [] {
                    Fatal.warn(words)
                }
            }
            if command == .worker { _ = try WorkerRole(settings) }
            return settings
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what is wrong, each with its place; exits 0 if nothing is.")
        @OptionGroup var role: Role

        func run() throws {
            let settings = try role.settings()
            print("\(settings.fileName ?? "no file"): fine, \(settings.tenants.count) tenants")
        }
    }

    struct Print: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints every setting with its source; secrets are left out.")
        @OptionGroup var role: Role

        func run() throws { print(ConfigurationPrinter.text(try role.settings()), terminator: "") }
    }
}
