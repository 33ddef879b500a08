import EventLoop
import Glibc

/// The redis-server of `berth dev`. It listens on a unix socket, saves nothing, and ends with this process.
final class PrivateRedis {
    private static let startMilliseconds: UInt64 = 10_000

    private let loop: Loop
    private var child: ChildProcess?
    private var deadline: Timer?
    private var lastLine = ""
    private var onReady: (() -> Void)?
    private var onStopped: (() -> Void)?

    /// - Parameters:
    ///   - onReady: called once, when Redis listens.
    ///   - onFailure: called if Redis does not start, or ends by itself.
    init(
        loop: Loop, folder: DevFolder, onReady: @escaping () -> Void, onFailure: @escaping (Fatal) -> Void
    ) throws {
        guard let program = Files.program("redis-server", path: Host.path) else {
            throw Fatal("redis-server is not installed: apt-get install redis-server (berth dev runs one of its own)")
        }
        self.loop = loop
        self.onReady = onReady
        let arguments = [
            program, "--port", "0", "--unixsocket", folder.socket, "--unixsocketperm", "700", "--dir", folder.path,
            "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no",
        ]
        child = try ChildProcess(
            loop: loop, arguments: arguments, environment: Host.environment, workingDirectory: folder.path,
            onLine: { [self] _, line in read(line) },
            onExit: { [self] _ in ended(onFailure) })
        deadline = loop.schedule(after: PrivateRedis.startMilliseconds) { [self] in
            onFailure(Fatal("redis-server did not listen within 10 s; its last words: \(lastLine)"))
        }
    }

    func stop(done: @escaping () -> Void) {
        guard let child else { return done() }
        onStopped = done
        child.signalGroup(SIGTERM)
    }

    private func read(_ line: String) {
        lastLine = line
        guard line.contains("eady to accept connections"), let ready = onReady else { return }
        onReady = nil
        deadline?.cancel()
        ready()
    }

    private func ended(_ onFailure: (Fatal) -> Void) {
        child = nil
        deadline?.cancel()
        if let done = onStopped { return done() }
        onFailure(Fatal("redis-server ended by itself; its last words: \(lastLine)"))
    }
}
