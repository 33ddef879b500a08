import EventLoop
import RedisClient

/// Everything outside of this module that it uses: a clock, timers, randomness, and connections to Redis. A process
/// implements it with a loop and sockets, the simulator without.
///
/// All calls and callbacks happen on one thread.
package protocol QueueRuntime: RuntimeClock {
    /// Calls `body` after `milliseconds`, then every `repeating` milliseconds (0: only once).
    func schedule(after milliseconds: UInt64, repeating: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall
    func randomUInt64() -> UInt64
    /// A connection that reconnects automatically after `start`. It can run only these scripts.
    func connection(scripts: [RedisScript]) -> any StoreConnection
    /// A subscription that reconnects automatically after `start`.
    func subscription(
        channel: String, onEvent: @escaping (RedisSubscription.Event) -> Void, onMessage: @escaping ([UInt8]) -> Void
    ) -> any StoreSubscription
}

/// A clock and its timers: those of a loop, or of simulated time.
package protocol RuntimeClock: AnyObject {
    /// Milliseconds of a monotonic clock.
    var now: UInt64 { get }
    /// Calls `body` once, after `milliseconds`.
    @discardableResult
    func call(after milliseconds: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall
    /// Calls `body` soon, never from inside this method.
    func afterThisTurn(_ body: @escaping () -> Void)
}

extension QueueRuntime {
    @discardableResult
    package func call(after milliseconds: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall {
        schedule(after: milliseconds, repeating: 0, body)
    }
}

/// A scheduled call that can be cancelled.
package protocol ScheduledCall: AnyObject {
    /// Cancels the call. Idempotent.
    func cancel()
}

/// The part of `RedisConnection` that the queue uses.
package protocol StoreConnection: AnyObject {
    var onEvent: (RedisConnection.Event) -> Void { get set }
    var isUp: Bool { get }
    /// How often the connection was established.
    var number: Int { get }
    /// The local address, `host:port`; empty while there is no connection.
    var localAddress: String { get }
    func start()
    func close()
    func run(
        _ script: RedisScript, keys: [[UInt8]], arguments: [[UInt8]], done: @escaping RedisConnection.Done)
}

/// The part of `RedisSubscription` that the queue uses.
package protocol StoreSubscription: AnyObject {
    func start()
    func close()
}

extension Timer: ScheduledCall {}

extension Loop: RuntimeClock {
    @discardableResult
    package func call(after milliseconds: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall {
        schedule(after: milliseconds, body)
    }
}

extension RedisConnection: StoreConnection {}
extension RedisSubscription: StoreSubscription {}

/// The runtime of a real process: its loop, and the Redis of its settings.
final class LoopRuntime: QueueRuntime {
    private let loop: Loop
    private let endpoint: RedisEndpoint
    private let key: String

    /// - Parameter key: any key of the fleet. In a cluster, all keys of the fleet are on this key's node.
    init(loop: Loop, endpoint: RedisEndpoint, key: String) {
        self.loop = loop
        self.endpoint = endpoint
        self.key = key
    }

    var now: UInt64 { loop.now }

    func schedule(after milliseconds: UInt64, repeating: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall {
        loop.schedule(after: milliseconds, repeating: repeating, body)
    }

    func afterThisTurn(_ body: @escaping () -> Void) { loop.afterThisTurn(body) }

    func randomUInt64() -> UInt64 { Crypto.randomUInt64() }

    func connection(scripts: [RedisScript]) -> any StoreConnection {
        RedisConnection(loop: loop, endpoint: endpoint, scripts: scripts, key: key)
    }

    func subscription(
        channel: String, onEvent: @escaping (RedisSubscription.Event) -> Void, onMessage: @escaping ([UInt8]) -> Void
    ) -> any StoreSubscription {
        RedisSubscription(loop: loop, endpoint: endpoint, channel: channel, onEvent: onEvent, onMessage: onMessage)
    }
}
