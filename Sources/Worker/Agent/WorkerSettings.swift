import EventLoop
import Queue
import QueueCore
import RedisClient
import WorkerCore

/// All settings of a worker.
public struct WorkerSettings {
    public var fleet: String
    public var node: String
    /// NODE_SECRET, and during a rotation the other one. The worker takes either, and signs its answer with the secret
    /// of the request. Empty only if the worker listens on loopback.
    public var secrets: [[UInt8]]
    /// Port 0 for any free one.
    public var listen: SocketAddress
    /// The `host:port` that gateways dial. Empty for the address listened on; if that is all addresses, for the local
    /// address of the worker's Redis connection.
    public var advertised: String
    public var redis: RedisEndpoint
    package var pools: [WorkerPool]
    /// The worker drains by itself before it is older than this. nil for no limit.
    public var maxAgeMilliseconds: UInt64?
    /// While the machine has less memory available, no spare starts. 0 for no reserve.
    public var memoryReserveBytes: UInt64
    /// How long sessions may continue after a drain begins.
    public var drainTimeoutMilliseconds: UInt64
    /// From a session's proof to the first byte of its sidecar.
    public var firstByteMilliseconds: UInt64
    /// The folder in which the worker makes its work folder.
    public var workFolder: String
    /// The folder of protocol logs, for pools that have some.
    public var protocolLogFolder: String
    /// Whether sessions end before Redis may give their places away.
    public var caps: CapsMode

    package init(
        fleet: String, node: String, secrets: [[UInt8]], listen: SocketAddress, advertised: String = "",
        redis: RedisEndpoint, pools: [WorkerPool], drainTimeoutMilliseconds: UInt64 = 30_000,
        firstByteMilliseconds: UInt64 = WorkerLimits.firstByteMilliseconds, workFolder: String = "/tmp",
        protocolLogFolder: String = "/tmp/protocol-logs", caps: CapsMode = .lenient, maxAgeMilliseconds: UInt64? = nil,
        memoryReserveBytes: UInt64 = MemoryReserve.bytesDefault
    ) {
        self.fleet = fleet
        self.node = node
        self.secrets = secrets
        self.listen = listen
        self.advertised = advertised
        self.redis = redis
        self.pools = pools
        self.drainTimeoutMilliseconds = drainTimeoutMilliseconds
        self.firstByteMilliseconds = firstByteMilliseconds
        self.workFolder = workFolder
        self.protocolLogFolder = protocolLogFolder
        self.caps = caps
        self.maxAgeMilliseconds = maxAgeMilliseconds
        self.memoryReserveBytes = memoryReserveBytes
    }

    /// The folder for temporary files: TMPDIR if that is an absolute path, else /tmp.
    public static func workFolder(environment: [String: String]) -> String {
        guard let folder = environment["TMPDIR"], folder.hasPrefix("/") else { return "/tmp" }
        let end = folder.lastIndex { $0 != "/" }
        return end.map { String(folder[...$0]) } ?? "/tmp"
    }
}

/// One pool of a worker and the kind of its sidecars.
package struct WorkerPool {
    package let plan: PoolPlan
    package let kind: any SidecarKind
    /// Added to the environment of the sidecars.
    package let environment: [String: String]
    /// Which sessions have a protocol log.
    package let protocolLog: ProtocolLogMode

    package init(
        _ plan: PoolPlan, kind: any SidecarKind, environment: [String: String] = [:],
        protocolLog: ProtocolLogMode = .off
    ) {
        self.protocolLog = protocolLog
        self.plan = plan
        self.kind = kind
        self.environment = environment
    }
}

extension [WorkerPool] {
    /// The pool of a worker's slot, and the slot's number within it. nil if there is no such slot.
    func place(of slot: Int) -> (pool: WorkerPool, place: Int)? {
        var place = slot
        for pool in self where place >= 0 {
            if place < pool.plan.slots { return (pool, place) }
            place -= pool.plan.slots
        }
        return nil
    }
}

/// Limits of a worker.
public enum WorkerLimits {
    /// From a session's proof to the first byte of its sidecar, unless the setting `worker.firstByte` is given.
    public static let firstByteMilliseconds: UInt64 = 10_000
    /// From a connection's accept to the end of its grant line and head.
    public static let requestMilliseconds: UInt64 = 2_000
    /// From the registration to the first request of a gateway, before the worker logs that there was none.
    public static let unreachedMilliseconds: UInt64 = 10_000
    /// Connections that have not sent a valid grant yet; for one more `PendingConnections` closes another.
    public static let pendingConnectionsMax = 1_024
    /// A probe of a sidecar, from its connection to the answer.
    public static let probeMilliseconds: UInt64 = 1_000
    /// Connecting a sidecar.
    public static let sidecarConnectMilliseconds: UInt64 = 1_000
    /// For the second side of a session to end after the first one did.
    public static let lingerMilliseconds: UInt64 = 1_000
    /// For a client to read what its sidecar sent last. The slot is not waiting for it.
    public static let lastBytesMilliseconds: UInt64 = 10_000
    /// For a gateway to read an answer and close.
    public static let farewellMilliseconds: UInt64 = 1_000
    /// For the last calls to Redis before the worker ends.
    public static let redisFarewellMilliseconds: UInt64 = 1_000
}

/// Why a worker cannot start, in words for its operator.
public struct WorkerFailure: Error, Hashable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
