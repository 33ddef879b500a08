import ArgumentParser
import EventLoop
import Glibc

/// The sidecar of tests and benchmarks: `berth worker --kind command --command 'loadtest echo'`.
struct EchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "A WebSocket echo server on a free loopback port; prints its ws:// address and runs until killed.")

    @Option(help: "Reset the first N connections; with --state, be a dead address in the first N processes.")
    var failFirst = 0

    @Option(help: "A file that counts the processes sharing it.")
    var state: String?

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        let loop = try Loop()
        let dead = state.map { EchoCommand.count(in: $0) <= failFirst }
        let server = try EchoServer(loop: loop, failFirst: dead == nil ? failFirst : 0)
        if dead == true { server.stopListening() }
        print("ws://127.0.0.1:\(server.port)/echo")
        fflush(nil)
        // The timer keeps the loop running: a sidecar with a dead address must itself stay alive.
        let alive = loop.schedule(after: 3_600_000, repeating: 3_600_000) {}
        loop.run()
        alive.cancel()
    }

    /// Counts this process, from 1. Each process appends one byte, which is atomic, so that no lock is needed.
    private static func count(in path: String) -> Int {
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
        guard file >= 0 else { return Int.max }
        defer { close(file) }
        guard write(file, "x", 1) == 1 else { return Int.max }
        return Int(lseek(file, 0, SEEK_CUR))
    }
}
