import Glibc

/// This program once more, in a process of its own: a crash or a hang costs one, and what it leaves in memory ends
/// with it.
struct Spawn {
    let pid: pid_t
    let output: Int32
    private var line: [UInt8] = []

    init(_ words: [String]) {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0, "no pipe")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = (["sim"] + words).map { strdup($0) } + [nil]
        var pid: pid_t = 0
        let result = posix_spawn(&pid, "/proc/self/exe", &actions, nil, &arguments, environ)
        precondition(result == 0, "a process could not be started")
        for argument in arguments { free(argument) }
        posix_spawn_file_actions_destroy(&actions)
        close(ends[1])
        self.pid = pid
        output = ends[0]
    }

    /// Waits until one of them says something or ends; answers which.
    static func listen(to spawns: [Spawn]) -> [Int] {
        var polls = spawns.map { pollfd(fd: $0.output, events: Int16(POLLIN), revents: 0) }
        poll(&polls, nfds_t(polls.count), -1)
        return polls.indices.filter { polls[$0].revents != 0 }
    }

    /// The whole lines it has said since; nil when it has ended.
    mutating func hear() -> [String]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(output, &buffer, buffer.count)
        guard count > 0 else { return nil }
        var lines: [String] = []
        for byte in buffer[..<count] {
            if byte == UInt8(ascii: "\n") {
                lines.append(String(decoding: line, as: UTF8.self))
                line = []
            } else {
                line.append(byte)
            }
        }
        return lines
    }

    /// After its end: its exit status, 0 for success.
    func status() -> Int32 {
        close(output)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return status
    }
}
