import ArgumentParser
import Configuration
import EventLoop
import Glibc
import Queue
import QueueCore

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Prints the fleet as one JSON object: gateways, workers, pools, the line.")

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @Option(help: "The most waiters to list.") var waiters = 100

    func run() throws {
        print(
            try inspect(.status, file, fleet) { inspector, done in
                inspector.status(waiters: max(0, waiters), done: done)
            })
    }
}

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Checks that the fleet's records agree with each other.",
        discussion: "Exits 0 when all is well, 1 with findings, 2 when it could not look.")

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions
    @Flag(help: "Print one JSON object.") var json = false

    func run() throws {
        let report: AuditReport
        do {
            report = try inspect(.audit, file, fleet, seconds: auditSeconds) { inspector, done in
                inspector.audit(done: done)
            }
        } catch let failure as Fatal {
            failure.end(code: 2)
        }
        print(json ? report.json : report.text)
        guard report.findings.isEmpty else { throw ExitCode.failure }
    }
}

/// A pass over a million waiters takes minutes, because its scripts are short, so that they delay no client.
private let auditSeconds = 600

/// Asks the fleet one question and waits for the answer.
private func inspect<Answer>(
    _ command: Setting.Command, _ file: FileOptions, _ fleet: FleetOptions, seconds: Int = 30,
    _ ask: (Inspector, @escaping (Result<Answer, Inspector.Failure>) -> Void) -> Void
) throws -> Answer {
    let settings = try Host.settings(command, config: file.config, flags: [fleet.flags])
    let endpoint = try Host.endpoint(settings)
    let loop = try Loop()
    let inspector = Inspector(loop: loop, endpoint: endpoint, fleet: settings.text("fleet") ?? "default")
    defer { inspector.close() }
    var answer: Result<Answer, Inspector.Failure>?
    ask(inspector) { answer = $0 }
    _ = loop.run(until: { answer != nil }, timeoutMilliseconds: UInt64(seconds) * 1_000)
    switch answer {
    case .success(let value): return value
    case .failure(let failure): throw Fatal("Redis cannot be asked: \(failure)")
    case nil: throw Fatal("Redis at \(endpoint) did not answer in \(seconds) s")
    }
}
