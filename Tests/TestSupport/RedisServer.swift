import EventLoop
import Glibc
import RedisClient

/// A real server on a unix socket in a folder of its own, or a cluster. It dies with this process at the latest.
public final class RedisServer {
    private let folder: TemporaryFolder
    private let words: [String]
    private let variant: RedisVariant
    private var process: ServerProcess?
    private var cluster: RedisCluster?
    /// A cluster that a test has killed or paused is nobody else's.
    private var isDisturbed = false
    /// Where it is asked without a log-in. In a cluster: one node's.
    public var path: String { cluster?.socket(0) ?? folder.path + "/redis.sock" }

    public init(_ options: [String] = [], variant: RedisVariant = .redis) throws {
        folder = try TemporaryFolder()
        self.variant = variant
        words =
            [
                variant.program, "--port", "0", "--unixsocket", folder.path + "/redis.sock", "--save", "",
                "--appendonly", "no", "--maxmemory-policy", "noeviction", "--dir", folder.path,
            ] + variant.options + options
        if variant == .cluster { cluster = try RedisCluster.take() } else { try start() }
    }

    /// A cluster of the test's own, nobody else's after it.
    public init(_ cluster: RedisCluster) throws {
        folder = try TemporaryFolder()
        variant = .cluster
        words = []
        isDisturbed = true
        self.cluster = cluster
    }

    public func endpoint(_ query: String = "", login: String? = nil) throws -> RedisEndpoint {
        if let cluster { return try RedisEndpoint(url: "redis://127.0.0.1:\(cluster.ports[0])") }
        return try RedisEndpoint(url: "unix://\(login ?? self.login.map { "\($0[0]):\($0[1])@" } ?? "")\(path)\(query)")
    }

    /// User and password of whom Berth is to be; nil where anybody is welcome.
    public var login: [String]? { variant == .acl ? ["berth", "secret"] : nil }

    /// Starts it, empty, and waits until it accepts connections.
    public func start() throws {
        if let cluster { return cluster.start() }
        process = ServerProcess(words, folder: folder.path)
        process?.wait(for: "eady to accept connections")
    }

    public func pause() { signal(SIGSTOP) }

    public func resume() { signal(SIGCONT) }

    private func signal(_ number: Int32) {
        isDisturbed = true
        process?.signal(number)
        cluster?.signal(number)
    }

    /// kill -9, and waits until it is gone.
    public func kill() {
        isDisturbed = true
        process?.kill()
        process = nil
        cluster?.kill()
    }

    /// Every test ends with this.
    public func end() {
        process?.kill()
        process = nil
        if isDisturbed { cluster?.kill() } else { cluster?.leave() }
        cluster = nil
    }
}
