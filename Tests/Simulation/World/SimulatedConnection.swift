import EventLoop
import Queue

/// A process' connection for commands: what `RedisConnection` does, over simulated time.
///
/// Mirrors it in what the queue can see: numbers that count up, replies in order, `notSent` while it is down, `lost` for
/// what was in flight, a command that got no answer in a second ends it, and full jitter before the next attempt.
final class SimulatedConnection: StoreConnection {
    private static let commandTimeout: UInt64 = 1_000
    private static let backoffFirst: UInt64 = 100
    private static let backoffMax: UInt64 = 2_000

    var onEvent: (RedisConnection.Event) -> Void = { _ in }
    private(set) var isUp = false
    private(set) var number = 0
    private let process: SimulatedProcess
    private let server: StoreServer
    private let scripts: [RedisScript]
    private var wire: CommandWire?
    private var inFlight: [(done: RedisConnection.Done, sentAt: UInt64)] = []
    private var isStarted = false
    private var failures = 0
    private var goodSince: UInt64?
    private var retry: ProcessTimer?
    private var watch: ProcessTimer?
    private var secondLook: ProcessTimer?
    private var answered = 0

    init(_ process: SimulatedProcess, server: StoreServer, scripts: [RedisScript]) {
        self.process = process
        self.server = server
        self.scripts = scripts
    }

    var localAddress: String { isUp ? "\(process.host):40000" : "" }

    func start() {
        guard !isStarted else { return }
        isStarted = true
        open()
    }

    func close() {
        isStarted = false
        end(keeping: .max)
        failAll("closed")
    }

    func run(
        _ script: RedisScript, keys: [[UInt8]], arguments: [[UInt8]], done: @escaping RedisConnection.Done
    ) {
        guard isUp, let wire else {
            _ = process.schedule(after: 0) { done(.failure(.notSent)) }
            return
        }
        inFlight.append((done, process.now))
        wire.send(process.isNewer ? ScriptSet.newer(script.name) : script.name, keys: keys, arguments: arguments)
    }

    /// The connection breaks under it. Of what it had sent the first `arriving` commands are still read.
    func breakOff(arriving: Int) {
        guard wire != nil else { return }
        end(keeping: arriving)
        process.arrive { [self] in drop("Redis closed the connection") }
    }

    // MARK: attempts

    private func open() {
        retry = nil
        let wire = CommandWire(process, server: server)
        self.wire = wire
        wire.onReply = { [unowned self, unowned wire] reply in
            if self.wire === wire { received(reply) }
        }
        wire.onEnd = { [unowned self, unowned wire] reason in
            if self.wire === wire { drop(reason) }
        }
        // The connect and the log-in: one answer shows that Redis is there.
        inFlight.append(({ [unowned self] _ in cameUp() }, process.now))
        wire.open()
        watchTheOldest()
    }

    private func cameUp() {
        isUp = true
        number += 1
        goodSince = process.now
        onEvent(.up(number: number))
    }

    private func drop(_ reason: String) {
        guard isStarted, retry == nil else { return }
        let wasGood = goodSince.map { process.now - $0 >= Self.backoffMax } ?? false
        failures = wasGood ? 1 : min(failures + 1, 16)
        end(keeping: .max)
        let ceiling = min(Self.backoffMax, Self.backoffFirst << UInt64(failures - 1))
        let pause = server.network.chance.number(0...Int64(ceiling))
        retry = process.schedule(after: milliseconds(pause)) { [unowned self] in open() }
        failAll(reason)
        onEvent(.down(reason: reason))
    }

    private func end(keeping arriving: Int) {
        goodSince = nil
        retry?.cancel()
        retry = nil
        wire?.close(arriving: arriving)
        wire = nil
    }

    private func failAll(_ reason: String) {
        let wasUp = isUp
        isUp = false
        answered = 0
        watch?.cancel()
        secondLook?.cancel()
        let lost = inFlight
        inFlight = []
        // The log-in has no caller.
        for command in wasUp ? lost : [] { command.done(.failure(.lost(reason))) }
    }

    // MARK: replies

    private func received(_ reply: RedisReply) {
        guard !inFlight.isEmpty else { return }
        answered += 1
        let command = inFlight.removeFirst()
        if reply.isError("LOADING") || reply.isError("READONLY") {
            command.done(.failure(.lost(reply.errorText ?? "")))
            return drop(reply.errorText ?? "")
        }
        command.done(.success(reply))
    }

    private var isOverdue: Bool {
        guard let oldest = inFlight.first else { return false }
        return process.now >= oldest.sentAt + Self.commandTimeout
    }

    private func watchTheOldest() {
        watch?.cancel()
        // Four looks in the time a command has.
        let tick = milliseconds(Int64(Self.commandTimeout) / 4)
        watch = process.schedule(after: tick, repeating: tick) { [unowned self] in
            guard isOverdue else { return }
            // After a pause of our own the reply may lie unread: a moment later decides.
            let before = answered
            secondLook?.cancel()
            secondLook = process.schedule(after: milliseconds(1)) { [unowned self] in
                if answered == before, isOverdue { drop("Redis did not answer for \(Self.commandTimeout) ms") }
            }
        }
    }
}
