import EventLoop
import Glibc
import Testing

/// A real redis-server on a unix socket in a folder of its own. It dies with the test's thread at the latest.
final class RedisServer {
    private let folder: TemporaryFolder
    private let loop: Loop
    private let options: [String]
    private var child: ChildProcess?
    private var exited = true
    var path: String { folder.path + "/redis.sock" }

    init(_ options: [String] = []) throws {
        folder = try TemporaryFolder()
        loop = try Loop()
        self.options = options
        try start()
    }

    func endpoint(_ query: String = "", login: String = "") throws -> RedisEndpoint {
        try RedisEndpoint(url: "unix://\(login)\(path)\(query)")
    }

    /// Starts it, empty, and waits until it accepts connections.
    func start() throws {
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
        #expect(started && isReady, "redis-server starts")
    }

    func pause() { child?.signalGroup(SIGSTOP) }

    func resume() { child?.signalGroup(SIGCONT) }

    /// kill -9, and waits until it is gone.
    func kill() {
        child?.signalGroup(SIGKILL)
        _ = loop.run(until: { self.exited }, timeoutMilliseconds: 10_000)
        #expect(exited)
        child = nil
    }

    /// Every test ends with this.
    func end() {
        if child != nil { kill() }
        #expect(loop.close())
    }
}

/// Something that speaks like Redis but answers each read with the same bytes.
final class FakeRedis {
    private final class Answering: StreamDelegate {
        let answer: String
        init(_ answer: String) { self.answer = answer }
        func stream(_ stream: EventLoop.Stream, received bytes: UnsafeRawBufferPointer) { stream.write(answer) }
        func streamReachedEnd(_ stream: EventLoop.Stream) { stream.close() }
        func streamDrained(_ stream: EventLoop.Stream) {}
        func stream(_ stream: EventLoop.Stream, failed error: SystemError) {}
    }

    private var listener: Listener?
    private var streams: [EventLoop.Stream] = []
    var answer: String
    var accepted: Int { streams.count }

    init(_ loop: Loop, answer: String) throws {
        self.answer = answer
        listener = try Listener(loop: loop, address: #require(SocketAddress("127.0.0.1:0"))) { [unowned self] stream in
            streams.append(stream)
            stream.delegate = Answering(self.answer)
            stream.startReading()
        }
    }

    func endpoint() throws -> RedisEndpoint {
        try RedisEndpoint(url: "redis://127.0.0.1:\(#require(listener).port)")
    }

    func close() {
        listener?.close()
        for stream in streams { stream.close() }
    }
}
