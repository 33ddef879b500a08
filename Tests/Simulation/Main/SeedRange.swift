import Glibc

/// Many seeds in several processes, each with its own share: a crash costs one, and names its seed.
final class SeedRange {
    /// Seeds a process: what a run leaves behind in memory ends with it.
    private static let share: UInt64 = 50

    private struct Child {
        let pid: pid_t
        let output: Int32
        var line: [UInt8] = []
        var seed: UInt64 = 0
    }

    private var next: UInt64
    private let end: UInt64
    private let jobs: Int
    /// Options that each process is given too.
    private let changes: [String]
    private var children: [Child] = []
    private var failed: [UInt64] = []
    private var (runs, scripts, clients, served, simulated) = (0, 0, 0, 0, 0)

    init(from: UInt64, count: UInt64, jobs: Int, changes: [String]) {
        next = from
        end = from + count
        self.jobs = jobs
        self.changes = changes
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
        let words = ["sim", "--batch", "--from", String(next), "--seeds", String(count)] + changes
        next += count
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0, "no pipe")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var pid: pid_t = 0
        let result = posix_spawn(&pid, "/proc/self/exe", &actions, nil, &arguments, environ)
        precondition(result == 0, "a process could not be started")
        for argument in arguments { free(argument) }
        posix_spawn_file_actions_destroy(&actions)
        close(ends[1])
        children.append(Child(pid: pid, output: ends[0]))
    }

    private func listen() {
        var polls = children.map { pollfd(fd: $0.output, events: Int16(POLLIN), revents: 0) }
        poll(&polls, nfds_t(polls.count), -1)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        for index in children.indices.reversed() where polls[index].revents != 0 {
            let count = read(children[index].output, &buffer, buffer.count)
            if count <= 0 { finish(index) } else { heard(buffer[..<count], from: index) }
        }
    }

    private func heard(_ bytes: ArraySlice<UInt8>, from index: Int) {
        for byte in bytes {
            guard byte == 10 else {
                children[index].line.append(byte)
                continue
            }
            let words = String(decoding: children[index].line, as: UTF8.self)
            children[index].line = []
            take(words, from: index)
        }
    }

    private func take(_ line: String, from index: Int) {
        let words = line.split(separator: " ").map(String.init)
        switch words.first {
        case "seed": children[index].seed = UInt64(words[1]) ?? 0
        case "finding":
            if failed.last != children[index].seed { failed.append(children[index].seed) }
            print(line.dropFirst("finding ".count))
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

    private func finish(_ index: Int) {
        let child = children.remove(at: index)
        close(child.output)
        var status: Int32 = 0
        waitpid(child.pid, &status, 0)
        guard status != 0 else { return }
        print("\(child.seed) crashed (status \(status)): the seeds behind it in its share did not run")
        failed.append(child.seed)
    }
}
