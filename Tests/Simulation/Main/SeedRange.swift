import Glibc

/// Many seeds in several processes, each with its own share: a crash costs one, and names its seed.
final class SeedRange {
    /// Seeds a process: what a run leaves behind in memory ends with it.
    private static let share: UInt64 = 50

    private struct Child {
        var process: Spawn
        var seed: UInt64 = 0
    }

    private var next: UInt64
    private let end: UInt64
    private let jobs: Int
    /// Options that each process is given too.
    private let options: [String]
    private var children: [Child] = []
    private var failed: [UInt64] = []
    private var (runs, scripts, clients, served, simulated) = (0, 0, 0, 0, 0)

    init(from: UInt64, count: UInt64, jobs: Int, options: [String]) {
        next = from
        end = from + count
        self.jobs = jobs
        self.options = options
    }

    /// True when a seed failed.
    func run() -> Bool {
        let began = time(nil)
        while next < end || !children.isEmpty {
            while children.count < jobs, next < end { start() }
            listen()
        }
        print(
            "\(runs) seeds in \(time(nil) - began) s: \(simulated / 1_000) s simulated, \(scripts) script calls, "
                + "\(clients) clients, \(served) served; \(failed.count) seeds failed")
        if let first = failed.min() { print("Replay the first: make sim SEED=\(first)") }
        return !failed.isEmpty
    }

    private func start() {
        let count = min(SeedRange.share, end - next)
        let words = ["--batch", "--from", String(next), "--seeds", String(count)] + options
        next += count
        children.append(Child(process: Spawn(words)))
    }

    private func listen() {
        for index in Spawn.listen(to: children.map(\.process)).reversed() {
            if let lines = children[index].process.hear() {
                for line in lines { take(line, from: index) }
            } else {
                finish(children.remove(at: index))
            }
        }
    }

    private func take(_ line: String, from index: Int) {
        let words = line.split(separator: " ").map(String.init)
        switch words.first {
        case "seed": children[index].seed = UInt64(words[1]) ?? 0
        case "finding":
            if failed.last != children[index].seed { failed.append(children[index].seed) }
            print(line.dropFirst("finding ".count))
            // A long run may be ended by hand.
            fflush(nil)
        case "done" where words.count == 5:
            let numbers = words.dropFirst().map { Int($0) ?? 0 }
            runs += 1
            scripts += numbers[0]
            clients += numbers[1]
            served += numbers[2]
            simulated += numbers[3]
        default: print(line)
        }
    }

    private func finish(_ child: Child) {
        let status = child.process.status()
        guard status != 0 else { return }
        print("\(child.seed) crashed (status \(status)): the seeds behind it in its share did not run")
        failed.append(child.seed)
    }
}
