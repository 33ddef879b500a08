import EventLoop
import Queue
import QueueCore
import RedisClient

/// The runtime of one simulated process: simulated time, chance and Redis.
final class SimulatedRuntime: QueueRuntime {
    private let process: SimulatedProcess
    private let server: StoreServer
    private let draw: () -> UInt64
    /// The connection for commands: faults break it.
    private(set) var connection: SimulatedConnection?
    /// False plants the bug that nobody looks without being told.
    var isPolling = true

    /// - Parameter draw: random bits.
    init(_ process: SimulatedProcess, server: StoreServer, draw: @escaping () -> UInt64) {
        self.process = process
        self.server = server
        self.draw = draw
    }

    var now: UInt64 { process.now }

    func schedule(after milliseconds: UInt64, repeating: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall {
        let isPoll = repeating == UInt64(QueueLimits.pollMilliseconds)
        let call = isPoll && !isPolling ? {} : body
        return process.schedule(after: Int64(milliseconds) * 1_000, repeating: Int64(repeating) * 1_000, call)
    }

    func afterThisTurn(_ body: @escaping () -> Void) { _ = process.schedule(after: 0, body) }

    func randomUInt64() -> UInt64 { draw() }

    func connection(scripts: [RedisScript]) -> any StoreConnection {
        let made = SimulatedConnection(process, server: server, scripts: scripts)
        connection = made
        return made
    }

    func subscription(
        channel: String, onEvent: @escaping (RedisSubscription.Event) -> Void, onMessage: @escaping ([UInt8]) -> Void
    ) -> any StoreSubscription {
        SimulatedSubscription(process, server: server, channel: channel, onEvent: onEvent, onMessage: onMessage)
    }
}
