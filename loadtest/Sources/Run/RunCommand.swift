import ArgumentParser
import Configuration
import EventLoop
import Glibc
import LoadTestCore

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a scenario, against a fleet of its own or any WebSocket gateway.",
        discussion: """
            Exits with 0 if the run is valid, with 1 if it is void or could not be made. Waits are counted from when a \
            client was to arrive, so a slow system cannot hide them. Arrivals and hold times of open models are the \
            same in each run with the same seed.
            """)

    @Argument(help: "A scenario's name (`loadtest scenarios` lists them) or a file that ends in .yaml.")
    var scenario: String

    @Option(
        name: .customLong("url"),
        help:
            "ws:// or wss:// address of the gateway under test; repeatable, clients take turns. Its sessions must echo."
    )
    var urls: [String] = []

    @Option(help: "How many slots the system under test offers, instead of the scenario's number.")
    var slots: Int?

    @Option(help: "The load's chance.")
    var seed: UInt64 = 1

    @Option(help: "The file for the result, as JSON.")
    var out: String?

    @Option(help: "With wss://: a PEM file of the authorities that vouch for the gateway's certificate.")
    var ca: String?

    @Option(help: "The berth program for a fleet of its own. The default is the one beside this program.")
    var berth: String?

    func validate() throws {
        if let slots, slots < 1 { throw ValidationError("--slots is a number from 1") }
    }

    func run() throws {
        _ = SystemLimits.openFilesLimit()
        let scenario = try RunCommand.scenario(scenario, slots: slots)
        if scenario.rolls, !urls.isEmpty {
            ProgressLine.say("\(scenario.name) restarts no gateway of yours: restart them while it runs")
        }
        let call = try LoadCall(
            scenario: scenario, urls: urls, seed: seed, ca: ca, berth: berth ?? RunCommand.berthBeside)
        let result = try call.run()
        print(RunReport.text(result))
        if let out { try ResultFile.write(result, to: out) }
        if !result.checks.void.isEmpty { throw ExitCode(1) }
    }

    private static func scenario(_ name: String, slots: Int?) throws -> Scenario {
        if let bytes = NamedScenarios.file(name) {
            return try ScenarioReader.read(bytes, name: name, file: "\(name).yaml", slots: slots)
        }
        guard name.hasSuffix(".yaml") || name.hasSuffix(".yml") else {
            throw ValidationError(Spelling.unknown("scenario", name, known: NamedScenarios.names))
        }
        guard let bytes = Files.readBytes(name, bytesMax: YAMLReader.bytesMax + 1) else {
            throw ValidationError("cannot read \(name)")
        }
        let file = String(name.split(separator: "/").last ?? "")
        let title = String(file.prefix(file.count - (file.hasSuffix(".yaml") ? 5 : 4)))
        return try ScenarioReader.read(bytes, name: title, file: name, slots: slots)
    }

    private static var berthBeside: String {
        let own = OwnProgram.path
        return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)]) + "/berth"
    }
}

/// Lists what `run` takes.
struct ScenariosCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenarios", abstract: "Lists the scenarios with the questions that they answer.")

    @Argument(help: "Print the file of this scenario instead, to change it.")
    var name: String?

    func run() throws {
        if let name {
            guard let bytes = NamedScenarios.file(name) else {
                throw ValidationError(Spelling.unknown("scenario", name, known: NamedScenarios.names))
            }
            return print(String(decoding: bytes, as: UTF8.self), terminator: "")
        }
        for name in NamedScenarios.names {
            guard let bytes = NamedScenarios.file(name) else { continue }
            let scenario = try ScenarioReader.read(bytes, name: name, file: "\(name).yaml")
            print(name + String(repeating: " ", count: max(1, 18 - name.count)) + scenario.question)
        }
    }
}
