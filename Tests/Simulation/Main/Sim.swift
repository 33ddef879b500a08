import ArgumentParser
import Glibc
import SimulatedFleet

@main
struct Sim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Runs the queue in simulated time, with faults, and checks what it promises.",
        discussion: "Without options: the regressions, all scenarios, then 2,000 seeds on two cores.")

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 2_000
    @Option(help: "The first seed.")
    var from: UInt64 = 1
    @Option(help: "Run this one seed and print what happened.")
    var seed: UInt64?
    @Option(help: "Run this one scenario and print what happened.")
    var scenario: String?
    @Flag(help: "Run all scenarios and nothing else.")
    var scenarios = false
    @Option(help: "Processes at a time.")
    var jobs = 2
    @Option(help: "Seeds that failed once; they run first.")
    var regressions = "Tests/Simulation/regressions.txt"
    @OptionGroup var bugs: MutantOptions
    @Flag(help: .hidden)
    var batch = false

    func run() throws {
        var options = SimulationOptions()
        options.mutant = try bugs.planted()
        if bugs.isTable { return try bugs.table(seeds: min(seeds, 1_000), jobs: max(1, jobs)) }
        if bugs.hunt, let mutant = options.mutant {
            let hunt = MutantHunt(mutant: mutant)
            if let name = scenario { return try hunt.scenario(found(name)) }
            return try hunt.seeds(from: from, count: seeds)
        }
        if batch { return try Batch(options: options).run(from: from, count: seeds) }
        if let seed {
            options.isTraced = true
            return try show(SimulationRunner(options: options).run(seed: seed))
        }
        if let scenario {
            options.isTraced = true
            return try show(SimulationRunner(options: options).run(found(scenario)))
        }
        var failed = false
        let runner = try SimulationRunner(options: options)
        for scenario in Scenario.all {
            failed = report("scenario \(scenario.name)", runner.run(scenario).findings) || failed
        }
        print("\(Scenario.all.count) scenarios")
        if !scenarios {
            for line in try Regression.read(regressions) {
                let findings = runner.run(seed: line.seed).findings
                failed = report("regression \(line.seed) (\(line.words))", findings) || failed
            }
            let range = SeedRange(from: from, count: seeds, jobs: max(1, jobs), options: bugs.words)
            failed = range.run() || failed
        }
        if failed { throw ExitCode.failure }
    }

    private func found(_ name: String) throws -> Scenario {
        guard let found = Scenario.all.first(where: { $0.name == name }) else {
            throw ValidationError("No such scenario. There are \(Scenario.all.map(\.name))")
        }
        return found
    }

    private func show(_ result: SimulationResult) throws {
        for line in result.trace { print(line) }
        for (name, count) in result.counts.sorted(by: { $0.key < $1.key }) { print("\(count)\t\(name)") }
        print("hash \(result.hash), \(result.simulatedMilliseconds) ms simulated")
        if report("this run", result.findings) { throw ExitCode.failure }
    }

    private func report(_ name: String, _ findings: [String]) -> Bool {
        guard !findings.isEmpty else { return false }
        print("\(name): \(findings.count) findings")
        for finding in findings.prefix(20) { print("  \(finding)") }
        return true
    }
}

/// A seed that failed once: `seed  commit  what it was`, one a line; `#` begins a comment.
struct Regression {
    let seed: UInt64
    let words: String

    static func read(_ path: String) throws -> [Regression] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var found: [Regression] = []
        var buffer = [CChar](repeating: 0, count: 4_096)
        while fgets(&buffer, Int32(buffer.count), file) != nil {
            let bytes = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
            let line = String(decoding: bytes, as: UTF8.self)
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard let seed = UInt64(words[0]) else { throw ValidationError("no seed in: \(line)") }
            found.append(Regression(seed: seed, words: words.count == 2 ? words[1] : ""))
        }
        return found
    }
}
