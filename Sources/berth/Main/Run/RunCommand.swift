import ArgumentParser
import Configuration
import EventLoop
import Glibc
import SlotRun

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a command while it holds a slot: a licence, a board, a graphics card.",
        usage: "berth run [--label <label>] [options] -- <command> ...",
        discussion: """
            Waits in the gateway's queue, then runs the command, and gives the slot back when the command ends. The command has \
            BERTH_LEASE (the slot's name), BERTH_SESSION (the session's id) and BERTH_URL (the session in the gateway's API) in \
            its environment. Exits with the command's code, 128 plus the number of the signal that ended it, 127 if there is \
            no such command, 126 if it cannot be run, and 125 if it got no slot or lost it.
            """)

    @OptionGroup var file: FileOptions
    @OptionGroup var client: GatewayOptions
    @Option(help: "The pool's label, or a pattern of labels. (default: any)") var label = ""
    @Option(
        help: ArgumentHelp("The longest wait for a slot. 0 does not wait. (default: 1h)", valueName: "duration"),
        transform: RunCommand.milliseconds)
    var wait = 3_600_000
    @Option(
        help: ArgumentHelp(
            "The longest time to hold the slot. After it the command is ended. (default: any)", valueName: "duration"),
        transform: RunCommand.milliseconds)
    var ttl: Int?
    @Option(
        help: ArgumentHelp("A head start in the queue. (default: none)", valueName: "duration"),
        transform: RunCommand.milliseconds)
    var priority: Int?
    @Option(name: .customLong("run"), help: "The name of the CI run that the slot is for.") var ciRun: String?
    @Argument(parsing: .postTerminator, help: "The command and its arguments, behind `--`.") var command: [String]

    private static func milliseconds(_ text: String) throws -> Int {
        guard let milliseconds = DurationText.milliseconds(text) else {
            throw ValidationError("'\(text)' is not a duration like 500ms, 30s, 2m or 1h (a week at most)")
        }
        return milliseconds
    }

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("Name the command behind `--`: berth run -- make flash") }
    }

    func run() throws {
        let driver: RunDriver
        do {
            let settings = try Host.settings(.run, config: file.config, flags: [client.flags])
            let address = GatewayAddress(settings.text("client.gateway") ?? "")
            guard !address.hasKey else {
                throw ConfigurationProblem(
                    place: settings.place("client.gateway"),
                    message:
                        "has a key in it, which other users of this machine can read: use BERTH_TOKEN or --token-file")
            }
            if let failure = Executable.failure(of: command[0]) { failure.end() }
            driver = RunDriver(
                loop: try Loop(),
                HoldRequest(
                    address: address, token: settings.text("client.token"), label: label, run: ciRun,
                    ttlMilliseconds: ttl, priorityMilliseconds: priority),
                authorities: settings.path("client.ca"), command: command)
        } catch {
            Fatal("\(error)").end(code: SlotRun.failureCode)
        }
        driver.run(waitMilliseconds: UInt64(wait))
    }
}

struct GatewayOptions: ParsableArguments {
    @Option(name: .setting("client.gateway"), help: .setting("client.gateway")) var gateway: String?
    @Option(name: .fileOf("client.token"), help: "A file that holds the tenant's key; see BERTH_TOKEN.") var tokenFile:
        String?
    @Option(name: .setting("client.ca"), help: .setting("client.ca")) var authorities: String?

    var flags: Flags {
        ["client.gateway": gateway.list, "client.tokenFile": tokenFile.list, "client.ca": authorities.list]
    }
}

/// A program that is looked up before the wait, because a spelling mistake should not wait in a queue.
enum Executable {
    struct Failure {
        let code: Int32
        let words: String

        func end() -> Never { Fatal(words).end(code: code) }
    }

    /// - Returns: nil if the program can be run.
    static func failure(of name: String) -> Failure? {
        let paths =
            name.contains("/")
            ? [name]
            : (ProcessEnvironment.asTheyAre["PATH"] ?? ProcessEnvironment.defaultPath).split(
                separator: ":", omittingEmptySubsequences: false
            ).map { $0.isEmpty ? name : "\($0)/\(name)" }
        if paths.contains(where: { access($0, X_OK) == 0 }) { return nil }
        let isThere = paths.contains { access($0, F_OK) == 0 }
        return isThere
            ? Failure(code: 126, words: "\(name) cannot be executed: is it marked as a program?")
            : Failure(code: 127, words: "there is no command \(name)")
    }
}
