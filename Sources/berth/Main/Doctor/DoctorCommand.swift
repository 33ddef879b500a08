import ArgumentParser
import Configuration
import Doctor
import EventLoop
import GatewayCore
import HTTPCore

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks at Redis, the fleet and this machine, and names what is wrong and the line to change.",
        discussion: """
            Runs on any machine that reaches Redis. It changes nothing. Exits 0 when all is well, 1 when something is wrong, 2 \\
            when it could not look.
            """)

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @Option(name: .fileOf("node.secret"), help: "A file that holds the node secret; see NODE_SECRET.") var secretFile:
        String?
    @Option(
        help: ArgumentHelp("A gateway's address as clients use it; wss://host:port for TLS.", valueName: "host:port"))
    var gateway: String?
    @Option(
        help: ArgumentHelp(
            "With wss://: a PEM file of the authorities that vouch for the gateway (default: those that the system trusts).",
            valueName: "file")) var gatewayCa: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() throws {
        let diagnosis: Diagnosis
        do {
            let flags: Flags = fleet.flags.merging(["node.secretFile": secretFile.list]) { $1 }
            let settings = try Host.settings(.doctor, config: file.config, flags: [flags])
            let loop = try Loop()
            let looked = Examination(
                loop: loop, settings: settings, endpoint: try Host.endpoint(settings),
                node: try NodeRole(settings, hostName: Host.hostName))
            diagnosis = Diagnosis(
                Facts(
                    redis: looked.redis(), fleet: looked.fleet(), door: looked.door(gateway, authorities: gatewayCa),
                    machine: MachineFacts.here(config: file.config, flags: flags)))
        } catch {
            Fatal("\(error)").end(code: 2)
        }
        if json { Output.write(json: diagnosis.json) } else { Output.write(plain: diagnosis.lines) }
        guard diagnosis.exitCode == 0 else { throw ExitCode(diagnosis.exitCode) }
    }
}

extension Diagnosis {
    /// The findings as a JSON object.
    fileprivate var json: String {
        let rows = findings.map {
            "{\"path\":\(jsonString($0.check.path.rawValue)),\"check\":\(jsonString($0.check.rawValue)),"
                + "\"verdict\":\(jsonString($0.verdict.rawValue)),\"words\":\(jsonString($0.words)),"
                + "\"change\":\(jsonString($0.change))}"
        }
        return "{\"exit\":\(exitCode),\"wrong\":\(wrong),\"findings\":[\(rows.joined(separator: ","))]}"
    }
}
