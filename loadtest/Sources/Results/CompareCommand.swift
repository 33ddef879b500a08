import ArgumentParser
import LoadTestCore

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Says whether the waits of two runs of one scenario differ.",
        discussion: """
            Each ratio has an interval by bootstrap, in blocks of neighbouring waits. A verdict other than "no \
            difference shown" means that all of the interval is on one side of 1. One run of each cannot show what \
            differs from run to run: alternate several, and compare each pair.
            """)

    @Argument(help: "The result of the first run.")
    var before: String

    @Argument(help: "The result of the second run.")
    var after: String

    @Flag(help: "Compare void runs, and runs of different scenarios, too.")
    var force = false

    func run() throws {
        let (first, second) = (try ResultFile.read(before), try ResultFile.read(after))
        if !force {
            for (path, result) in [(before, first), (after, second)] where !result.checks.void.isEmpty {
                throw LoadFailure("\(path) is void: \(result.checks.void[0]); --force compares it all the same")
            }
            guard first.scenario == second.scenario, first.origin.seed == second.origin.seed else {
                throw LoadFailure("the runs have different parameters or seeds; --force compares them all the same")
            }
        }
        guard let comparison = Comparison(before: first, after: second) else {
            throw LoadFailure("a run has no waits to compare")
        }
        print(RunReport.text(comparison))
        print("\nserved a second: \(first.sessions.servedASecond) before, \(second.sessions.servedASecond) after")
    }
}
