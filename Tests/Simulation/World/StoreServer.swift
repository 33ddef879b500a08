import EventLoop
import Queue
import RedisClient
import SimulatedRedis

/// What happened at Redis, for whoever looks on.
protocol StoreObserver: AnyObject {
    func storeWillRun(_ script: String, arguments: [String])
    func storeRan(_ script: String, arguments: [String], reply: RedisReply, wrote: Bool)
}

/// The Redis of the simulated fleet: its scripts and data are `SimulatedRedis`, its clock, ends and pauses are here.
final class StoreServer {
    static let host = "redis"
    /// Where its clock stands at the beginning: µs of Unix time.
    private static let clockBase: Int64 = 1_700_000_000_000_000

    /// What the wake and control channels do to a message; all of it is allowed to hints.
    struct Hints {
        var lostPerMille = 0
        var doubledPerMille = 0
        /// Beside the network's own delay; messages overtake one another by it.
        var lateMost: Int64 = 0
    }

    enum State { case up, paused, down }

    /// What becomes of one call.
    enum Fate {
        case normal
        /// The connection breaks before it is read, or before its reply is.
        case neverRead, unanswered
        /// It is executed and answered, and its commit is lost.
        case forgotten
        /// The same, and the connection breaks before its reply is read: all that is known of it is what it published.
        case vanished
        /// Its connection's bytes are read when `readLate` says so.
        case late
        /// Its script dies at that command, counted from 1, and the caller gets the error. What it wrote before stays.
        case torn(Int)
    }

    let network: Network
    let timeline: Timeline
    let redis: SimulatedRedis
    weak var observer: (any StoreObserver)?
    /// Told that commits were lost while it ran.
    var onLoss: () -> Void = {}
    /// Whether the last script that was to die midway died. A script with fewer commands does not.
    var isTorn = false
    /// Told that a script is about to die midway.
    var onTear: () -> Void = {}
    var hints = Hints()
    /// Plants the bug that calls are dated by the machines that make them; each clock has its own error.
    var trustsCallersClocks = false
    /// Decides about each call, for scenarios.
    var fate: ((_ script: String, _ wire: CommandWire, _ arguments: [[UInt8]]) -> Fate)?
    private(set) var state = State.up
    /// Microseconds that a call takes of its one core; what arrives meanwhile waits. 0: none.
    var serviceTime: Int64 = 0
    private var busyUntil: Int64 = 0
    /// How far its clock is from the base and the world's time.
    private(set) var clockSkew: Int64 = 0
    private var hintChance: Chance
    /// Writing calls in what it holds.
    private var written = 0
    private var incarnation = 1
    private var wires: [CommandWire] = []
    private var subscribers: [String: [SubscriptionWire]] = [:]

    init(network: Network, redis: SimulatedRedis, seed: UInt64) {
        self.network = network
        self.redis = redis
        timeline = network.timeline
        hintChance = Chance(seed: seed, stream: "hints")
        redis.onPublish = { [unowned self] in publish($0, $1) }
    }

    // MARK: what happens to it

    func pause() {
        if state == .up { state = .paused }
    }

    func goOn() {
        guard state == .paused else { return }
        state = .up
        // Which connection is read first is the kernel's choice; within one the order stands.
        for wire in network.chance.shuffled(wires) { wire.readInbox() }
    }

    /// It ends; all its connections break. What the kernel had for it and it had not read is lost.
    func goDown() {
        guard state != .down else { return }
        state = .down
        incarnation += 1
        let broken = wires
        wires = []
        for wire in broken { wire.breakAtServer("Redis closed the connection") }
        let channels = subscribers.keys.sorted()
        let listening = channels.flatMap { subscribers[$0] ?? [] }
        subscribers = [:]
        for wire in listening { wire.breakAtServer() }
    }

    /// - Parameter lostCommits: so many of the last writing calls are not in what it starts with; nil: it is empty.
    func comeUp(lostCommits: Int?) {
        guard state == .down else { return }
        state = .up
        if let lostCommits {
            let lost = min(lostCommits, written)
            if lost > 0 { redis.undo(last: lost) }
            written -= lost
        } else {
            redis.empty()
            written = 0
        }
    }

    func stepClock(by microseconds: Int64) { clockSkew += microseconds }

    /// Microseconds of Redis' own clock.
    var clock: Int64 { StoreServer.clockBase + timeline.now + clockSkew }

    // MARK: commands

    enum Arrival {
        case login
        case call(String, keys: [[UInt8]], arguments: [[UInt8]])
        case end
    }

    func arrived(_ arrival: Arrival, on wire: CommandWire) {
        guard serviceTime > 0 else { return read(arrival, on: wire) }
        busyUntil = max(busyUntil, timeline.now)
        if case .call = arrival { busyUntil += serviceTime }
        timeline.after(busyUntil - timeline.now) { [self] in read(arrival, on: wire) }
    }

    private func read(_ arrival: Arrival, on wire: CommandWire) {
        if case .login = arrival, state != .down {
            wire.incarnation = incarnation
            wires.append(wire)
        }
        switch state {
        case .down: wire.breakAtServer("Connection refused")
        case .up where wire.incarnation != incarnation: wire.breakAtServer("Connection reset")
        case .up where wire.isLate: wire.inbox.append(arrival)
        case .paused where wire.incarnation == incarnation: wire.inbox.append(arrival)
        case .paused: break
        case .up: take(arrival, on: wire)
        }
    }

    fileprivate func take(_ arrival: Arrival, on wire: CommandWire) {
        switch arrival {
        case .login: wire.reply(.status("OK"))
        case .end: wires.removeAll { $0 === wire }
        case .call(let script, let keys, let arguments):
            switch fate?(ScriptSet.base(script), wire, arguments) ?? .normal {
            case .normal: wire.reply(run(script, keys: keys, arguments: arguments))
            case .neverRead: breakOff(wire)
            case .unanswered:
                run(script, keys: keys, arguments: arguments)
                breakOff(wire)
            case .forgotten:
                let before = written
                wire.reply(run(script, keys: keys, arguments: arguments))
                loseTail(written - before)
            case .vanished:
                let before = written
                run(script, keys: keys, arguments: arguments)
                breakOff(wire)
                loseTail(written - before)
            case .torn(let command):
                redis.failAtCall = command
                onTear()
                let reply = run(script, keys: keys, arguments: arguments)
                isTorn = reply.errorText != nil
                wire.reply(reply)
            case .late:
                wire.isLate = true
                wire.inbox.append(arrival)
            }
        }
    }

    private func breakOff(_ wire: CommandWire) {
        wires.removeAll { $0 === wire }
        wire.incarnation = 0
        wire.breakAtServer("Connection reset")
    }

    /// The last writing calls are taken back while everything goes on.
    func loseTail(_ commits: Int) {
        let lost = min(commits, written)
        guard lost > 0 else { return }
        redis.undo(last: lost)
        written -= lost
        onLoss()
    }

    /// Connections whose bytes lay unread are read now.
    func readLate() {
        for wire in wires where wire.isLate {
            wire.isLate = false
            wire.readInbox()
        }
    }

    /// Runs a script now, whoever asks; inspection by the simulation itself comes this way too.
    @discardableResult
    func run(_ script: String, keys: [[UInt8]], arguments: [[UInt8]]) -> RedisReply {
        redis.now = trustsCallersClocks ? callersClock(arguments) : clock
        let texts = arguments.map { String(decoding: $0, as: UTF8.self) }
        let name = ScriptSet.base(script)
        observer?.storeWillRun(name, arguments: texts)
        let before = redis.commits
        defer { written += redis.commits - before }
        let reply = redis.call(script, keys: keys, arguments: arguments)
        observer?.storeRan(name, arguments: texts, reply: reply, wrote: redis.commits != before)
        return reply
    }

    private func callersClock(_ arguments: [[UInt8]]) -> Int64 {
        let name = (arguments.first ?? []).prefix { $0 != UInt8(ascii: ".") }
        return clock + name.reduce(0) { $0 + Int64($1) } % 5 * milliseconds(3_000)
    }

    // MARK: channels

    func subscribe(_ wire: SubscriptionWire) {
        guard state != .down else { return wire.breakAtServer() }
        subscribers[wire.channel, default: []].append(wire)
    }

    func unsubscribe(_ wire: SubscriptionWire) {
        subscribers[wire.channel]?.removeAll { $0 === wire }
    }

    func isListening(_ wire: SubscriptionWire) -> Bool {
        state == .up && subscribers[wire.channel]?.contains { $0 === wire } == true
    }

    private func publish(_ channel: String, _ message: [UInt8]) -> Int {
        let listening = subscribers[channel] ?? []
        for wire in listening {
            for _ in 0..<(hintChance.happens(perMille: hints.doubledPerMille) ? 2 : 1) {
                let late = hints.lateMost > 0 ? hintChance.number(0...hints.lateMost) : 0
                if !hintChance.happens(perMille: hints.lostPerMille) { wire.deliver(message, late: late) }
            }
        }
        return listening.count
    }
}

/// One TCP connection of a process' commands.
final class CommandWire {
    let process: SimulatedProcess
    private let server: StoreServer
    private let toServer: Lane
    private let toClient: Lane
    var onReply: (RedisReply) -> Void = { _ in }
    var onEnd: (String) -> Void = { _ in }
    /// The life of the server that it reached.
    fileprivate(set) var incarnation = 0
    fileprivate var inbox: [StoreServer.Arrival] = []
    fileprivate var isLate = false

    init(_ process: SimulatedProcess, server: StoreServer) {
        self.process = process
        self.server = server
        toServer = Lane(server.network, from: process.host, to: StoreServer.host)
        toClient = Lane(server.network, from: StoreServer.host, to: process.host)
    }

    func open() { toServer.send { [self] in server.arrived(.login, on: self) } }

    func send(_ script: String, keys: [[UInt8]], arguments: [[UInt8]]) {
        toServer.send { [self] in server.arrived(.call(script, keys: keys, arguments: arguments), on: self) }
    }

    /// - Parameter arriving: of what is under way so much is still read by Redis; an orderly close leaves all.
    func close(arriving: Int) {
        onReply = { _ in }
        onEnd = { _ in }
        if arriving != .max { toServer.lose(after: arriving) }
        toServer.send { [self] in server.arrived(.end, on: self) }
    }

    fileprivate func reply(_ reply: RedisReply) {
        toClient.send { [self] in process.arrive { [self] in onReply(reply) } }
    }

    fileprivate func breakAtServer(_ reason: String) {
        inbox = []
        toClient.send { [self] in process.arrive { [self] in onEnd(reason) } }
    }

    fileprivate func readInbox() {
        let arrived = inbox
        inbox = []
        for arrival in arrived { server.arrived(arrival, on: self) }
    }
}
