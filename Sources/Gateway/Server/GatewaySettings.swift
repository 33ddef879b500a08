import EventLoop
import GatewayCore
import RedisClient

/// Everything a gateway needs to know before it starts.
public struct GatewaySettings {
    /// Port 0 for any free one.
    public var listen: SocketAddress
    public var fleet: String
    public var node: String
    public var redis: RedisEndpoint
    /// NODE_SECRET, and while it is rotated the other one: the first signs. Empty only where workers listen on loopback.
    public var secrets: [[UInt8]]
    public var tenancy: Tenancy
    /// The browser of a Playwright client that names none.
    public var defaultBrowser: String
    /// How long those who are held or served may go on once the gateway drains.
    public var drainTimeoutMilliseconds: UInt64

    public init(
        listen: SocketAddress, fleet: String, node: String, redis: RedisEndpoint, secrets: [[UInt8]], tenancy: Tenancy,
        defaultBrowser: String = "chromium", drainTimeoutMilliseconds: UInt64 = 30_000
    ) {
        self.listen = listen
        self.fleet = fleet
        self.node = node
        self.redis = redis
        self.secrets = secrets
        self.tenancy = tenancy
        self.defaultBrowser = defaultBrowser
        self.drainTimeoutMilliseconds = drainTimeoutMilliseconds
    }
}

/// Limits of a gateway that are not settings.
public enum GatewayLimits {
    /// From the SYN to a worker until its answer.
    public static let dialMilliseconds: UInt64 = 2_000
    /// For Redis to take a verdict before the dial it is about is closed all the same.
    public static let verdictMilliseconds: UInt64 = 1_000
    /// Before a grant is given back that nothing was left to dial with.
    public static let localPauseMilliseconds: UInt64 = 100
    /// For the second side of a session to end after the first one did.
    public static let relayLingerMilliseconds: UInt64 = 1_000
    /// For clients to read their last words before the process ends.
    public static let farewellMilliseconds: UInt64 = 1_500
    /// The wait of a client that asked not to wait: the time of two commands to Redis.
    public static let impatientMilliseconds: UInt64 = 2_000
}

/// Why a gateway cannot start, in words for its operator.
public struct GatewayFailure: Error, Hashable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
