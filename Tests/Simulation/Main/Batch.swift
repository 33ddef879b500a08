import Glibc
import SimulatedFleet

/// Seeds one after the other in this process, a line for each, read by `SeedRange`.
struct Batch {
    let options: SimulationOptions

    func run(from: UInt64, count: UInt64) throws {
        let runner = try SimulationRunner(options: options)
        for seed in from..<(from + count) {
            // Before it runs: should the process crash, the seed is known.
            print("seed \(seed)")
            fflush(nil)
            let result = runner.run(seed: seed)
            for finding in result.findings.prefix(8) { print("finding \(seed) \(finding)") }
            let counts = result.counts
            print(
                "done \(counts["scripts"] ?? 0) \(counts["clients"] ?? 0) \(counts["client: served"] ?? 0) "
                    + "\(result.simulatedMilliseconds)")
        }
    }
}
