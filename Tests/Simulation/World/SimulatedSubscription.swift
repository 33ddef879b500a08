import EventLoop
import Queue
import RedisClient

/// A process' subscription: what `RedisSubscription` does, over simulated time. It asks for an answer every two seconds.
final class SimulatedSubscription: StoreSubscription {
    private static let ping = milliseconds(2_000)
    private static let connectTimeout = milliseconds(1_000)

    private let process: SimulatedProcess
    private let server: StoreServer
    private let channel: String
    private let onEvent: (RedisSubscription.Event) -> Void
    private let onMessage: ([UInt8]) -> Void
    private var wire: SubscriptionWire?
    private var isStarted = false
    private var failures = 0
    private var retry: ProcessTimer?
    private var heartbeat: ProcessTimer?
    private var heardSinceLastPing = false

    init(
        _ process: SimulatedProcess, server: StoreServer, channel: String,
        onEvent: @escaping (RedisSubscription.Event) -> Void, onMessage: @escaping ([UInt8]) -> Void
    ) {
        self.process = process
        self.server = server
        self.channel = channel
        self.onEvent = onEvent
        self.onMessage = onMessage
        process.whenGone { [weak self] in self?.close() }
    }

    func start() {
        guard !isStarted else { return }
        isStarted = true
        open()
    }

    func close() {
        isStarted = false
        end()
    }

    private func open() {
        retry = nil
        heardSinceLastPing = false
        let wire = SubscriptionWire(process, server: server, channel: channel)
        self.wire = wire
        wire.onHeard = { [unowned self, unowned wire] heard in
            if self.wire === wire { hear(heard) }
        }
        wire.open()
        heartbeat = process.schedule(after: Self.ping, repeating: Self.ping) { [unowned self] in beat() }
    }

    private func hear(_ heard: SubscriptionWire.Heard) {
        heardSinceLastPing = true
        switch heard {
        case .subscribed:
            failures = 0
            onEvent(.subscribed)
        case .message(let bytes): onMessage(bytes)
        case .pong: break
        case .end: drop("Redis closed the connection")
        }
    }

    private func beat() {
        guard heardSinceLastPing else {
            _ = process.schedule(after: milliseconds(1)) { [unowned self] in
                if !heardSinceLastPing, wire != nil { drop("Redis did not answer for 2000 ms") }
            }
            return
        }
        heardSinceLastPing = false
        wire?.ping()
    }

    private func drop(_ reason: String) {
        guard isStarted, retry == nil else { return }
        failures = min(failures + 1, 16)
        end()
        let ceiling = min(Int64(2_000), 100 << Int64(failures - 1))
        let pause = server.network.chance.number(0...ceiling)
        retry = process.schedule(after: milliseconds(pause)) { [unowned self] in open() }
        onEvent(.lost(reason: reason))
    }

    private func end() {
        retry?.cancel()
        retry = nil
        heartbeat?.cancel()
        heartbeat = nil
        wire?.close()
        wire = nil
    }
}

/// One TCP connection of a subscription.
final class SubscriptionWire {
    enum Heard {
        case subscribed, pong, end
        case message([UInt8])
    }

    let channel: String
    private let process: SimulatedProcess
    private let server: StoreServer
    private let toServer: Lane
    private let toClient: Lane
    var onHeard: (Heard) -> Void = { _ in }

    init(_ process: SimulatedProcess, server: StoreServer, channel: String) {
        self.process = process
        self.server = server
        self.channel = channel
        toServer = Lane(server.network, from: process.host, to: StoreServer.host)
        toClient = Lane(server.network, from: StoreServer.host, to: process.host)
    }

    func open() {
        toServer.send { [self] in
            // A paused Redis takes the connection and subscribes it when it goes on: for a hint that is the same as late.
            server.subscribe(self)
            if server.isListening(self) { say(.subscribed) }
        }
    }

    func ping() {
        toServer.send { [self] in if server.isListening(self) { say(.pong) } }
    }

    func close() {
        onHeard = { _ in }
        toServer.send { [self] in server.unsubscribe(self) }
    }

    func breakAtServer() { say(.end) }

    /// - Parameter late: microseconds beside the network's own; a later message may overtake this one.
    func deliver(_ message: [UInt8], late: Int64) {
        guard !server.network.isCut(StoreServer.host, process.host) else { return }
        server.timeline.after(late) { [self] in say(.message(message)) }
    }

    private func say(_ heard: Heard) {
        toClient.send { [self] in process.arrive { [self] in onHeard(heard) } }
    }
}
