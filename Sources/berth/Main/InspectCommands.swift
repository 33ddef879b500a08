import ArgumentParser
import Configuration
import EventLoop
import Glibc
import Queue

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
        abstract:
            "Checks that the fleet's records agree with each other. Prints the findings; exits 1 if there are any.")

    @OptionGroup var file: FileOptions
    @OptionGroup var fleet: FleetOptions

    func run() throws {
        let findings = try inspect(.audit, file, fleet) { inspector, done in inspector.audit(done: done) }
        for finding in findings { print(finding) }
        guard findings.isEmpty else { throw ExitCode.failure }
        print("clean")
    }
}

/// Asks one question of the fleet and waits for the answer, at most 30 s.
private func inspect<Answer>(
    _ command: Setting.Command, _ file: FileOptions, _ fleet: FleetOptions,
    _ ask: (Inspector, @escaping (Result<Answer, Inspector.Failure>) -> Void) -> Void
) throws -> Answer {
    let settings = try Surroundings.settings(command, config: file.config, flags: [fleet.flags])
    let endpoint = try Surroundings.endpoint(settings)
    let loop = try Loop()
    let inspector = Inspector(loop: loop, endpoint: endpoint, fleet: settings.text("fleet") ?? "default")
    defer { inspector.close() }
    var answer: Result<Answer, Inspector.Failure>?
    ask(inspector) { answer = $0 }
    _ = loop.run(until: { answer != nil }, timeoutMilliseconds: 30_000)
    switch answer {
    case .success(let value): return value
    case .failure(let failure): throw Fatal("Redis cannot be asked: \(failure)")
    case nil: throw Fatal("Redis at \(endpoint) did not answer in 30 s")
    }
}
