import Glibc
import SimulatedFleet

/// Hunts each mutant in a process of its own, and says who found it.
final class MutantTable {
    /// How a mutant is looked for.
    enum Hunt: Hashable {
        /// Seeds from 1 on.
        case seeds(UInt64)
        /// The one seed that found it before.
        case seed(UInt64)
        /// The scenario of its rule.
        case scenario(String)
    }

    private struct Task {
        let mutant: Mutant
        let hunt: Hunt
    }

    private struct Runner {
        let task: Task
        var process: Spawn
        var seed: UInt64 = 0
        var found: String?
        var isOver = false
    }

    private let mutants: [Mutant]
    private let path: String
    private let jobs: Int
    private var tasks: ArraySlice<Task> = []
    private var runners: [Runner] = []
    private(set) var deaths: [String: Mutant.Death] = [:]
    private var rehearsed: Set<String> = []
    private var survivals: [String: [String]] = [:]
    private var lines: [String: String] = [:]

    /// - Parameter path: of the list the mutants are from.
    init(_ mutants: [Mutant], path: String, jobs: Int) {
        self.mutants = mutants
        self.path = path
        self.jobs = jobs
    }

    /// Each by seeds from 1 on, and by its scenario. True when one survives.
    func huntAll(seeds: UInt64) -> Bool {
        run(mutants.map { Task(mutant: $0, hunt: .seeds(seeds)) } + scenarios)
    }

    /// Each by the seed that is known to find it, and by its scenario. True when one survives.
    func replayAll() -> Bool {
        for mutant in mutants where mutant.death == nil && mutant.scenario == nil {
            survivals[mutant.name, default: []].append("nothing is known to find it: run `sim --mutants --record`")
        }
        return run(
            mutants.compactMap { mutant in mutant.death.map { Task(mutant: mutant, hunt: .seed($0.seed)) } } + scenarios
        )
    }

    private var scenarios: [Task] {
        mutants.compactMap { mutant in mutant.scenario.map { Task(mutant: mutant, hunt: .scenario($0.name)) } }
    }

    private func run(_ tasks: [Task]) -> Bool {
        let began = time(nil)
        self.tasks = tasks[...]
        while !self.tasks.isEmpty || !runners.isEmpty {
            while runners.count < jobs, let next = self.tasks.popFirst() { start(next) }
            for index in Spawn.listen(to: runners.map(\.process)).reversed() {
                if let words = runners[index].process.hear() {
                    for line in words { take(line, from: index) }
                } else {
                    finish(runners.remove(at: index))
                }
            }
        }
        tell(seconds: time(nil) - began)
        return !survivals.isEmpty
    }

    private func start(_ task: Task) {
        let words = ["--mutants-file", path, "--mutant", task.mutant.name, "--hunt"]
        let what =
            switch task.hunt {
            case .seeds(let count): ["--from", "1", "--seeds", String(count)]
            case .seed(let seed): ["--from", String(seed), "--seeds", "1"]
            case .scenario(let name): ["--scenario", name]
            }
        runners.append(Runner(task: task, process: Spawn(words + what)))
    }

    private func take(_ line: String, from index: Int) {
        let words = line.split(separator: " ", maxSplits: 1)
        switch words.first {
        case "seed": runners[index].seed = UInt64(words[1]) ?? 0
        case "found": runners[index].found = String(words[1])
        case "survived": runners[index].isOver = true
        default: break
        }
    }

    private func finish(_ runner: Runner) {
        let name = runner.task.mutant.name
        let status = runner.process.status()
        var found = runner.found
        if found == nil, !runner.isOver {
            // By a signal: the alarm's, or a trap of the machines.
            found = status & 0x7F == SIGALRM ? "hang" : status & 0x7F != 0 ? "crash" : nil
        }
        switch (runner.task.hunt, found) {
        case (.scenario(let scenario), nil):
            survivals[name, default: []].append("its scenario \(scenario) does not fail")
        case (.seeds(let count), nil):
            // A scenario alone is enough only for a mutant that the list has no seed for.
            if runner.task.mutant.scenario == nil || runner.task.mutant.death != nil {
                survivals[name, default: []].append("survives \(count) seeds")
            }
        case (.seed(let seed), nil): survivals[name, default: []].append("survives seed \(seed)")
        case (.scenario, _): rehearsed.insert(name)
        case (_, let found?):
            let promise = String(found.prefix { $0 != " " })
            deaths[name] = Mutant.Death(promise: promise, seed: runner.seed)
            lines[name] = found
            print("\(name): seed \(runner.seed): \(found)")
            fflush(nil)
        }
    }

    private func tell(seconds: Int) {
        print("\n| mutant | removes or repeats | broken first | seed | its scenario |\n|---|---|---|---|---|")
        for mutant in mutants {
            let death = deaths[mutant.name]
            print(
                "| \(mutant.name): \(mutant.words) | \(mutant.origin) | \(death?.promise ?? "–") | "
                    + "\(death.map { String($0.seed) } ?? "–") | \(mutant.scenario?.name ?? "–") |")
        }
        let last = deaths.values.map(\.seed).max() ?? 0
        let found = rehearsed.union(deaths.keys).count
        print("\n\(found) of \(mutants.count) mutants found, the last by seed \(last), in \(seconds) s")
        for mutant in mutants {
            for words in survivals[mutant.name] ?? [] { print("\(mutant.name): \(words)") }
        }
    }
}
