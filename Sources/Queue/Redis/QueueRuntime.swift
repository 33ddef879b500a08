import EventLoop
import RedisClient

/// All that this module's side of the queue has of the world outside: a clock, timers, randomness, and connections to
/// Redis. Processes have a loop and sockets behind it; a simulator has neither.
///
/// Everything is called, and calls back, on one thread.
package protocol QueueRuntime: AnyObject {
    /// Milliseconds of a monotonic clock.
    var now: UInt64 { get }
    /// Calls `body` after so many milliseconds, and then again each `repeating` milliseconds (0: never again).
    func schedule(after milliseconds: UInt64, repeating: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall
    /// Calls `body` soon, never from inside this call.
    func afterThisTurn(_ body: @escaping () -> Void)
    func randomUInt64() -> UInt64
    /// A connection that comes back by itself once started; it can run these scripts and no others.
    func connection(scripts: [RedisScript]) -> any StoreConnection
    /// A subscription that comes back by itself once started.
    func subscription(
        channel: String, onEvent: @escaping (RedisSubscription.Event) -> Void, onMessage: @escaping ([UInt8]) -> Void
    ) -> any StoreSubscription
}

/// A call that was scheduled and can be taken back.
package protocol ScheduledCall: AnyObject {
    /// The call is not made any more. Idempotent.
    func cancel()
}

/// What `RedisConnection` is to the queue.
package protocol StoreConnection: AnyObject {
    var onEvent: (RedisConnection.Event) -> Void { get set }
    var isUp: Bool { get }
    /// How often it came up.
    var number: Int { get }
    /// This end of it, `host:port`; empty while there is none.
    var localAddress: String { get }
    func start()
    func close()
    func run(
        _ script: RedisScript, keys: [[UInt8]], arguments: [[UInt8]], done: @escaping RedisConnection.Done)
}

/// What `RedisSubscription` is to the queue.
package protocol StoreSubscription: AnyObject {
    func start()
    func close()
}

extension Timer: ScheduledCall {}
extension RedisConnection: StoreConnection {}
extension RedisSubscription: StoreSubscription {}

/// A process' own: its loop, and the Redis of its settings.
final class LoopRuntime: QueueRuntime {
    private let loop: Loop
    private let endpoint: RedisEndpoint
    private let key: String

    /// - Parameter key: one of the fleet's; in a cluster its node is where they all are.
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
