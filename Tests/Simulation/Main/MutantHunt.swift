import Glibc
import SimulatedFleet

/// Looks for one mutant in this process, a line for each step, read by `MutantTable`.
struct MutantHunt {
    /// A run takes a part of a second; a mutant may go in circles.
    private static let secondsMax: UInt32 = 120

    let mutant: Mutant

    /// Seeds one after the other until a checker complains.
    func seeds(from: UInt64, count: UInt64) throws {
        let runner = try SimulationRunner(options: options)
        var clean: SimulationRunner?
        for seed in from..<(from + count) {
            alarm(MutantHunt.secondsMax)
            // Before it runs: should the process crash, the seed is known.
            print("seed \(seed)")
            fflush(nil)
            guard let found = runner.run(seed: seed).findings.first else { continue }
            // What fails by itself tells nothing.
            alarm(MutantHunt.secondsMax)
            let without = try clean ?? SimulationRunner()
            clean = without
            if without.run(seed: seed).findings.isEmpty { return print("found \(found)") }
        }
        print("survived")
    }

    func scenario(_ scenario: Scenario) throws {
        alarm(MutantHunt.secondsMax)
        print("scenario \(scenario.name)")
        fflush(nil)
        if let found = try SimulationRunner(options: options).run(scenario).findings.first {
            if try SimulationRunner().run(scenario).findings.isEmpty { return print("found \(found)") }
        }
        print("survived")
    }

    private var options: SimulationOptions {
        var options = SimulationOptions()
        options.mutant = mutant
        options.stopsAtFirst = true
        return options
    }
}
