import EventLoop
import Queue
import RedisClient

/// A process' connection for commands: what `RedisConnection` does, over simulated time.
///
/// Mirrors it in what the queue can see: numbers that count up, replies in order, `notSent` while it is down, `lost` for
/// what was in flight, a second of silence while commands are in flight ends it, and full jitter before the next attempt.
final class SimulatedConnection: StoreConnection {
    private static let silence: UInt64 = 1_000
    private static let backoffFirst: UInt64 = 100
    private static let backoffMax: UInt64 = 2_000

    var onEvent: (RedisConnection.Event) -> Void = { _ in }
    private(set) var isUp = false
    private(set) var number = 0
    private let process: SimulatedProcess
    private let server: StoreServer
    private let scripts: [RedisScript]
    private var wire: CommandWire?
    private var inFlight: [RedisConnection.Done] = []
    private var askedAt: UInt64 = 0
    private var heardAt: UInt64 = 0
    private var isStarted = false
    private var failures = 0
    private var goodSince: UInt64?
    private var retry: ProcessTimer?
    private var watch: ProcessTimer?
    private var secondLook: ProcessTimer?

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
        ask(done)
        wire.send(process.isNewer ? ScriptSet.newer(script.name) : script.name, keys: keys, arguments: arguments)
    }

    /// The connection breaks under it. Of what it had sent the first `arriving` commands are still read.
    func breakOff(arriving: Int) {
        guard wire != nil else { return }
        end(keeping: arriving)
        process.arrive { [self] in drop("Redis closed the connection") }
    }

    private func ask(_ done: @escaping RedisConnection.Done) {
        if inFlight.isEmpty { askedAt = process.now }
        inFlight.append(done)
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
        ask { [unowned self] _ in cameUp() }
        wire.open()
        watchForSilence()
    }

    private func cameUp() {
        isUp = true
        number += 1
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
        watch?.cancel()
        secondLook?.cancel()
        let lost = inFlight
        inFlight = []
        // The log-in has no caller.
        for done in wasUp ? lost : [] { done(.failure(.lost(reason))) }
    }

    // MARK: replies

    private func received(_ reply: RedisReply) {
        guard !inFlight.isEmpty else { return }
        heardAt = process.now
        let done = inFlight.removeFirst()
        if reply.isError("LOADING") || reply.isError("READONLY") {
            done(.failure(.lost(reply.errorText ?? "")))
            return drop(reply.errorText ?? "")
        }
        if isUp, goodSince == nil, reply.errorText == nil { goodSince = process.now }
        done(.success(reply))
    }

    private var isSilent: Bool { !inFlight.isEmpty && process.now >= max(askedAt, heardAt) + Self.silence }

    private func watchForSilence() {
        watch?.cancel()
        // Four looks in the time that silence may last.
        let tick = milliseconds(Int64(Self.silence) / 4)
        watch = process.schedule(after: tick, repeating: tick) { [unowned self] in
            guard isSilent else { return }
            // After a pause of our own the reply may lie unread: a moment later decides.
            secondLook?.cancel()
            secondLook = process.schedule(after: milliseconds(1)) { [unowned self] in
                if isSilent { drop("Redis did not answer for \(Self.silence) ms") }
            }
        }
    }
}
