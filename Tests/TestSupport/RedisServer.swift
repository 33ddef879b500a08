import EventLoop
import Glibc

/// A real redis-server on a unix socket in a folder of its own. It dies with the test's thread at the latest.
public final class RedisServer {
    private let folder: TemporaryFolder
    private let loop: Loop
    private let options: [String]
    private var child: ChildProcess?
    private var exited = true
    public var path: String { folder.path + "/redis.sock" }

    public init(_ options: [String] = []) throws {
        folder = try TemporaryFolder()
        loop = try Loop()
        self.options = options
        try start()
    }

    public func endpoint(_ query: String = "", login: String = "") throws -> RedisEndpoint {
        try RedisEndpoint(url: "unix://\(login)\(path)\(query)")
    }

    /// Starts it, empty, and waits until it accepts connections.
    public func start() throws {
        var isReady = false
        exited = false
        child = try ChildProcess(
            loop: loop,
            arguments: [
                "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no",
                "--maxmemory-policy", "noeviction", "--dir", folder.path,
            ] + options,
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"],
            onLine: { _, line in if line.contains("eady to accept connections") { isReady = true } },
            onExit: { [unowned self] _ in exited = true })
        let started = loop.run(until: { isReady || exited }, timeoutMilliseconds: 10_000)
        precondition(started && isReady, "redis-server starts")
    }

    public func pause() { child?.signalGroup(SIGSTOP) }

    public func resume() { child?.signalGroup(SIGCONT) }

    /// kill -9, and waits until it is gone.
    public func kill() {
        child?.signalGroup(SIGKILL)
        _ = loop.run(until: { self.exited }, timeoutMilliseconds: 10_000)
        precondition(exited, "redis-server ends")
        child = nil
    }

    /// Every test ends with this.
    public func end() {
        if child != nil { kill() }
        precondition(loop.close(), "redis-server leaves no handle")
    }
}
