import EventLoop
import Glibc
import Synchronization

/// Three masters with a third of the slots each, on ports of loopback. They know each other from their first moment:
/// nobody meets anybody.
public final class RedisCluster {
    /// The end of each node's slots.
    private static let lastSlots = [5460, 10922, 16383]
    /// Clusters that a test has left as it found them.
    private static let idle = Mutex<[Left]>([])

    private struct Left: @unchecked Sendable { let cluster: RedisCluster }

    private let folder: TemporaryFolder
    private let program: String
    public let ports: [Int]
    private let busPorts: [Int]
    private var nodes: [ServerProcess] = []

    /// An empty one; starting takes 2 s, so one that was left is used again.
    static func take() throws -> RedisCluster {
        if let left = idle.withLock({ $0.popLast() }) { return left.cluster }
        return try RedisCluster()
    }

    public init(program: String = "redis-server") throws {
        folder = try TemporaryFolder()
        self.program = program
        let free = try RedisCluster.freePorts(6)
        ports = Array(free[..<3])
        busPorts = Array(free[3...])
        for node in ports.indices {
            precondition(Files.makeFolder("\(folder.path)/\(node)"))
            precondition(Files.write("\(folder.path)/\(node)/nodes.conf", known(by: node)))
        }
        start()
    }

    /// A second way to a node.
    func socket(_ node: Int) -> String { "\(folder.path)/\(node)/s" }

    func start() {
        nodes = ports.indices.map { node in
            ServerProcess(
                [
                    program, "--port", "\(ports[node])", "--cluster-port", "\(busPorts[node])", "--bind", "127.0.0.1",
                    "--unixsocket", socket(node), "--dir", "\(folder.path)/\(node)", "--cluster-enabled", "yes",
                    "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "5000", "--save", "",
                    "--appendonly", "no", "--maxmemory-policy", "noeviction",
                ], folder: folder.path)
        }
        for node in nodes { node.wait(for: "Cluster state changed: ok") }
    }

    func signal(_ number: Int32) {
        for node in nodes { node.signal(number) }
    }

    public func kill() {
        for node in nodes { node.kill() }
        nodes = []
    }

    /// Empties it for the next test, and gives it back its memory.
    func leave() {
        for node in nodes.indices {
            RedisCluster.tell(socket(node), "FLUSHALL\r\n")
            RedisCluster.tell(socket(node), "CONFIG SET maxmemory 0\r\n")
        }
        RedisCluster.idle.withLock { $0.append(Left(cluster: self)) }
    }

    private func id(_ node: Int) -> String { String(repeating: "\(node + 1)", count: 40) }

    private func known(by me: Int) -> String {
        let lines = ports.indices.map { node in
            let first = node == 0 ? 0 : RedisCluster.lastSlots[node - 1] + 1
            return
                "\(id(node)) 127.0.0.1:\(ports[node])@\(busPorts[node]) \(node == me ? "myself,master" : "master") - 0 0"
                + " \(node + 1) connected \(first)-\(RedisCluster.lastSlots[node])\n"
        }
        return lines.joined() + "vars currentEpoch 3 lastVoteEpoch 0\n"
    }

    /// One inline command, answered.
    private static func tell(_ socket: String, _ line: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socket.utf8) }
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        var answer = [UInt8](repeating: 0, count: 64)
        precondition(connected == 0 && write(descriptor, line, line.utf8.count) == line.utf8.count)
        precondition(read(descriptor, &answer, answer.count) > 0)
    }

    /// Ports that nobody listens on at this moment.
    public static func freePorts(_ count: Int) throws -> [Int] {
        let loop = try Loop()
        var listeners: [Listener] = []
        for _ in 0..<count {
            listeners.append(try Listener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { $0.close() })
        }
        let ports = listeners.map(\.port)
        for listener in listeners { listener.close() }
        precondition(loop.close())
        return ports
    }
}
