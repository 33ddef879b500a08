import ArgumentParser
import EventLoop
import SimulatedFleet

/// What `sim` is told about planted bugs.
struct MutantOptions: ParsableArguments {
    @Flag(help: "Hunt each planted bug by seeds from 1 to 1,000 and by its scenario, and print who found it.")
    var mutants = false
    @Flag(help: "The same, and write down in the list who found it.")
    var record = false
    @Flag(help: "Run for each planted bug the one seed that the list names, and its scenario.")
    var replay = false
    @Option(help: "With --replay: each n-th planted bug only, as a sample.")
    var every = 1
    @Option(
        help: "Plant this bug of the list, for what else is asked for; with --mutants hunt it alone. May be repeated.")
    var mutant: [String] = []
    @Option(help: "The list of planted bugs.")
    var mutantsFile = "Tests/Simulation/mutants.txt"
    @Flag(help: .hidden)
    var hunt = false

    var isTable: Bool { mutants || record || replay }

    /// What a process is told that runs a share of the seeds.
    var words: [String] { ["--mutants-file", mutantsFile] + mutant.flatMap { ["--mutant", $0] } }

    /// The one bug to plant.
    func planted() throws -> Mutant? {
        guard !isTable, let name = mutant.first else { return nil }
        guard mutant.count == 1 else { throw ValidationError("One bug at a time") }
        return try MutantList.read(mutantsFile).named(name)
    }

    func table(seeds: UInt64, jobs: Int) throws {
        let list = try MutantList.read(mutantsFile)
        guard every == 1 || (replay && every > 1) else { throw ValidationError("--every n goes with --replay") }
        let sample = list.mutants.enumerated().filter { $0.offset % every == 0 }.map(\.element)
        let chosen = try mutant.isEmpty ? sample : mutant.map { try list.named($0) }
        // Before anything runs: a text that is not there shows nothing.
        for mutant in chosen { _ = try mutant.scripts() }
        let table = MutantTable(chosen, path: mutantsFile, jobs: jobs)
        let hasSurvivor = replay ? table.replayAll() : table.huntAll(seeds: seeds)
        if record, !Files.write(mutantsFile, list.recorded(table.deaths)) {
            throw ValidationError("\(mutantsFile) cannot be written")
        }
        if hasSurvivor { throw ExitCode.failure }
    }
}
