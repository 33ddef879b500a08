import EventLoop
import GatewayCore
import RedisClient

/// Everything a gateway needs to know before it starts.
public struct GatewaySettings {
    /// Port 0 for any free one.
    public var listen: SocketAddress
    /// Other processes of this user may listen on the same address.
    public var sharesPort: Bool
    /// The certificate for TLS; nil to listen for plain HTTP.
    public var tls: CertificateFiles?
    public var fleet: String
    public var node: String
    public var redis: RedisEndpoint
    /// NODE_SECRET, and a second one during its rotation. The first one signs. Empty only if workers listen on loopback.
    public var secrets: [[UInt8]]
    public var tenancy: Tenancy
    /// The browser of a Playwright client that names none.
    public var defaultBrowser: String
    /// The time that waits and sessions have left once the gateway drains.
    public var drainTimeoutMilliseconds: UInt64
    /// A waiter whose pools no worker serves is refused after this; nil for the wait itself.
    public var noWorkerWaitMilliseconds: UInt64?

    public init(
        listen: SocketAddress, sharesPort: Bool = false, tls: CertificateFiles? = nil, fleet: String, node: String,
        redis: RedisEndpoint,
        secrets: [[UInt8]], tenancy: Tenancy,
        defaultBrowser: String = "chromium", drainTimeoutMilliseconds: UInt64 = 30_000,
        noWorkerWaitMilliseconds: UInt64? = nil
    ) {
        self.listen = listen
        self.sharesPort = sharesPort
        self.tls = tls
        self.fleet = fleet
        self.node = node
        self.redis = redis
        self.secrets = secrets
        self.tenancy = tenancy
        self.defaultBrowser = defaultBrowser
        self.drainTimeoutMilliseconds = drainTimeoutMilliseconds
        self.noWorkerWaitMilliseconds = noWorkerWaitMilliseconds
    }
}

/// Limits of a gateway that are not settings.
public enum GatewayLimits {
    /// From the last byte of a session to a ping for its client.
    public static let quietMilliseconds: UInt64 = 30_000
    /// From the SYN to a worker until its answer.
    public static let dialMilliseconds: UInt64 = 2_000
    /// The time that Redis has to take a verdict, before the gateway closes the dial all the same.
    public static let verdictMilliseconds: UInt64 = 1_000
    /// The pause before a grant is given back because this process had nothing left to dial with.
    public static let localPauseMilliseconds: UInt64 = 100
    /// The time that the second side of a session has to end, after the first side ended.
    public static let relayLingerMilliseconds: UInt64 = 1_000
    /// The time that clients have to read the last answer, before the process ends.
    public static let farewellMilliseconds: UInt64 = 1_500
    /// Between two looks at the files of the certificate.
    public static let certificateLookMilliseconds: UInt64 = 5_000
    /// The wait of a client that asked not to wait: the time of two commands to Redis.
    public static let impatientMilliseconds: UInt64 = 2_000
}

/// Why a gateway cannot start, in words for its operator.
public struct GatewayFailure: Error, Hashable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
