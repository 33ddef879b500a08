import ArgumentParser
import QueueCore

/// A pass over a million waiters takes minutes, because its scripts are short, so that they delay no client.
private let auditSeconds = 600

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Checks that the fleet's records agree with each other.",
        discussion: "Exits 0 when all is well, 1 with findings, 2 when it could not look.")

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @Flag(help: "Print one JSON object.") var json = false

    func run() throws {
        let report = FleetCall(.audit, file, fleet).ask(seconds: auditSeconds) { inspector, done in
            inspector.audit(done: done)
        }
        if json { Output.write(json: report.json) } else { Output.write(plain: report.lines) }
        guard report.findings.isEmpty else { throw ExitCode.failure }
    }
}
