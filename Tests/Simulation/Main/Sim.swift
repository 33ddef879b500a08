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
    @Option(help: "Plant a bug of the machines' drivers by name; may be repeated.")
    var plant: [String] = []
    @Option(help: "A text in the scripts to replace; may be repeated, with --by for each.")
    var replace: [String] = []
    @Option(help: "What it is replaced by.")
    var by: [String] = []
    @Flag(help: .hidden)
    var batch = false

    func run() throws {
        var options = SimulationOptions()
        for name in plant {
            guard let bug = PlantedBug(rawValue: name) else {
                throw ValidationError("No such bug: \(name). There are \(PlantedBug.allCases.map(\.rawValue))")
            }
            options.bugs.insert(bug)
        }
        guard replace.count == by.count else { throw ValidationError("Each --replace needs a --by") }
        options.scriptChanges = zip(replace, by).map { ScriptChange($0, by: $1) }
        for change in options.scriptChanges where SimulationRunner.matches(of: change) == 0 {
            throw ValidationError("No script has this text: \(change.text)")
        }
        if batch { return Batch(options: options).run(from: from, count: seeds) }
        if let seed {
            options.isTraced = true
            return try show(SimulationRunner(options: options).run(seed: seed))
        }
        if let scenario {
            guard let found = Scenario.all.first(where: { $0.name == scenario }) else {
                throw ValidationError("No such scenario. There are \(Scenario.all.map(\.name))")
            }
            options.isTraced = true
            return try show(SimulationRunner(options: options).run(found))
        }
        var failed = false
        let runner = SimulationRunner(options: options)
        for scenario in Scenario.all {
            failed = report("scenario \(scenario.name)", runner.run(scenario).findings) || failed
        }
        print("\(Scenario.all.count) scenarios")
        if !scenarios {
            for line in try Regression.read(regressions) {
                let findings = runner.run(seed: line.seed).findings
                failed = report("regression \(line.seed) (\(line.words))", findings) || failed
            }
            let changes =
                plant.flatMap { ["--plant", $0] }
                + zip(replace, by).flatMap { ["--replace", $0, "--by", $1] }
            failed = SeedRange(from: from, count: seeds, jobs: max(1, jobs), changes: changes).run() || failed
        }
        if failed { throw ExitCode.failure }
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
