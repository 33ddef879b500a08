import EventLoop

/// Why a command has no reply.
public enum RedisError: Error, Hashable {
    /// The connection ended, or was given up, before the reply: the command may have been executed.
    case lost(String)
    /// The command was never executed.
    case notSent
}

/// Pipelined commands over one connection that comes back by itself.
///
/// Commands are written once a turn of the loop, in order; how many are under way at once is the callers' choice. While
/// the connection is down they fail with `.notSent`: callers send again at the next `.up`. If commands are in flight and
/// Redis says nothing at all for so long, the connection is dropped and everything in flight is `.lost`. A Redis that
/// answers others first is slow, not away: the age of a command ends no connection.
///
/// A log-in is no success yet: a replica takes one. The first command with an answer other than an error is.
///
/// The NOSCRIPT fence: when Redis has forgotten the scripts, sending stops, what is in flight answers, all scripts are
/// loaded, and those commands that found no script are sent again, in their order, before anything else.
public final class RedisConnection {
    /// What becomes of the connection.
    public enum Event: Hashable, Sendable {
        /// Logged in, scripts loaded. The number counts such connections from 1.
        case up(number: Int)
        /// An attempt failed or the connection ended; the next attempt follows by itself. Comes once for each failure.
        case down(reason: String)
    }

    /// Bounds of one connection.
    public struct Limits: Hashable, Sendable {
        public var connectTimeoutMilliseconds: UInt64 = 1000
        /// Without a byte of Redis while commands are in flight.
        public var silenceMilliseconds: UInt64 = 1000
        public var backoffMaxMilliseconds: UInt64 = 2000

        public init() {}
    }

    public typealias Done = (Result<RedisReply, RedisError>) -> Void

    struct Command {
        let bytes: [UInt8]
        /// Set for commands of callers' scripts: NOSCRIPT raises the fence.
        var isScript = false
        /// Nil for the connection's own (log-in, SCRIPT LOAD), whose replies `prepared` takes.
        var done: Done?
        /// How often it found no script.
        var refusals = 0
    }

    enum State {
        /// Not connected. Can transition to: preparing.
        case down
        /// Connected; logging in and loading scripts, nothing of the callers' is sent. Can transition to: up, down.
        case preparing
        /// Commands flow. Can transition to: fenced, down.
        case up
        /// Scripts are missing: nothing is sent until all in flight answered. Can transition to: reloading, down.
        case fenced
        /// SCRIPT LOAD is in flight, nothing else. Can transition to: up, down.
        case reloading
    }

    private static let refusalsMax = 16

    let link: RedisLink
    let scripts: [RedisScript]
    let limits: Limits
    /// A key of what the scripts work on.
    private let key: [UInt8]?
    /// Called on the loop, never from inside a call of the owner's.
    public var onEvent: (Event) -> Void
    private var state = State.down
    private var waiting = Fifo<Command>()
    private var inFlight = Fifo<Command>()
    /// Commands that found no script, in order.
    private var refused: [Command] = []
    private var isFlushScheduled = false
    private var watch: Timer?
    private var secondLook: Timer?
    /// When the oldest of the commands in flight became the only one.
    private var askedAt: UInt64 = 0
    /// A caller's command of this connection was answered by other than an error.
    private var isProven = false

    /// How often the connection came up; callers put it into their arguments, so that late bytes of an old one are known.
    public private(set) var number = 0

    /// - Parameter key: one of those the commands will be about; in a cluster the connection goes to its node.
    public init(
        loop: Loop, endpoint: RedisEndpoint, scripts: [RedisScript] = [], key: String? = nil,
        limits: Limits = Limits(), onEvent: @escaping (Event) -> Void = { _ in }
    ) {
        self.scripts = scripts
        self.key = key.map { Array($0.utf8) }
        self.limits = limits
        self.onEvent = onEvent
        link = RedisLink(
            loop: loop, endpoint: endpoint, connectTimeoutMilliseconds: limits.connectTimeoutMilliseconds,
            backoffMaxMilliseconds: limits.backoffMaxMilliseconds)
        link.delegate = self
    }

    deinit {
        link.close()
        stopWatching()
    }

    /// Connects, and again after each end, until `close()`.
    public func start() { link.start() }

    /// Ends for good. Commands without a reply fail, from inside this call; no event follows. Idempotent.
    public func close() {
        link.close()
        failAll("closed")
    }

    /// True from `.up` to the end of that connection.
    public var isUp: Bool {
        switch state {
        case .up, .fenced, .reloading: true
        case .down, .preparing: false
        }
    }

    /// This end of the connection, `host:port`; empty while there is none.
    public var localAddress: String { link.stream?.localAddress ?? "" }

    /// Sends a command. `done` is called once, never from inside this call.
    public func send(_ arguments: [[UInt8]], done: @escaping Done) {
        enqueue(Command(bytes: redisCommand(arguments), done: done))
    }

    /// Runs a script by EVALSHA; it must be one of those given to `init`. `done` as for `send`.
    public func run(_ script: RedisScript, keys: [[UInt8]], arguments: [[UInt8]], done: @escaping Done) {
        assert(scripts.contains(script), "the fence could never load \(script.name)")
        let words = [Array("EVALSHA".utf8), Array(script.sha1.utf8), Array(String(keys.count).utf8)]
        enqueue(Command(bytes: redisCommand(words + keys + arguments), isScript: true, done: done))
    }

    private func enqueue(_ command: Command) {
        guard isUp else {
            link.loop.afterThisTurn { command.done?(.failure(.notSent)) }
            return
        }
        waiting.append(command)
        flushLater()
    }

    private func flushLater() {
        guard !isFlushScheduled && !waiting.isEmpty else { return }
        isFlushScheduled = true
        link.loop.afterThisTurn { [weak self] in
            self?.isFlushScheduled = false
            self?.flush()
        }
    }

    private func flush() {
        guard case .up = state else { return }
        var bytes: [UInt8] = []
        while let command = waiting.popFirst() {
            bytes.append(contentsOf: command.bytes)
            register(command)
        }
        link.write(bytes)
    }

    private func register(_ command: Command) {
        if inFlight.isEmpty { askedAt = link.loop.now }
        inFlight.append(command)
    }
}

// MARK: Replies

extension RedisConnection: RedisLinkDelegate {
    func linkOpened() {
        state = .preparing
        watchForSilence()
        send(prologue: logIn + scripts.map { redisCommand([Array("SCRIPT".utf8), Array("LOAD".utf8), $0.source]) })
    }

    func linkEnded(reason: String, isRedirected: Bool) {
        // Led on before the log-in ended: nothing was up that could go down.
        let isOnItsWay = isRedirected && !isUp
        failAll(reason)
        if !isOnItsWay { onEvent(.down(reason: reason)) }
    }

    func link(received reply: RedisReply) {
        guard let command = inFlight.popFirst() else {
            link.drop("Redis sent a reply that nobody asked for")
            return
        }
        if let reason = RedisFault.elsewhere(reply, at: link.endpoint) {
            // Not in flight any more: it fails as all others will.
            command.done?(.failure(.lost(reason)))
            if reply.isError("MOVED") { link.redirect(reason) } else { link.drop(reason) }
            return
        }
        guard let done = command.done else {
            prepared(reply)
            return
        }
        if command.isScript && reply.isError("NOSCRIPT") {
            fence(command)
        } else {
            prove(reply)
            done(.success(reply))
        }
        advance()
    }

    private func prove(_ reply: RedisReply) {
        guard !isProven, reply.errorText == nil else { return }
        isProven = true
        link.settled()
    }

    private func fence(_ command: Command) {
        var command = command
        command.refusals += 1
        refused.append(command)
        if case .up = state { state = .fenced }
        // Loading does not help where each command may meet another server.
        if command.refusals == RedisConnection.refusalsMax { link.drop("Redis forgets its scripts again and again") }
    }

    /// Looks again at what may be sent now: the callback before may have changed anything.
    private func advance() {
        switch state {
        case .up: flushLater()
        case .fenced where inFlight.isEmpty:
            state = .reloading
            send(prologue: scripts.map { redisCommand([Array("SCRIPT".utf8), Array("LOAD".utf8), $0.source]) })
        case .fenced, .reloading, .preparing, .down: break
        }
    }

    /// One of our own commands was answered.
    private func prepared(_ reply: RedisReply) {
        if let text = reply.errorText {
            link.drop(RedisFault.explain(text, at: link.endpoint))
            return
        }
        guard inFlight.isEmpty else { return }
        switch state {
        case .preparing:
            state = .up
            number += 1
            onEvent(.up(number: number))
        case .reloading:
            state = .up
            waiting.prepend(refused)
            refused = []
            flushLater()
        case .up, .fenced, .down: break
        }
    }

    private var logIn: [[UInt8]] {
        var commands: [[UInt8]] = []
        if let password = link.endpoint.password {
            commands.append(
                link.endpoint.user.map { redisCommand("AUTH", $0, password) } ?? redisCommand("AUTH", password))
        }
        if link.endpoint.database > 0 { commands.append(redisCommand("SELECT", String(link.endpoint.database))) }
        // A paused Redis still accepts connections: only an answer shows that it is there. A node of a cluster answers
        // for its own keys only.
        commands.append(key.map { redisCommand([Array("EXISTS".utf8), $0]) } ?? redisCommand("PING"))
        return commands
    }

    private func send(prologue commands: [[UInt8]]) {
        for bytes in commands { register(Command(bytes: bytes)) }
        link.write(commands.flatMap { $0 })
        if commands.isEmpty { prepared(.null) }
    }
}

// MARK: Endings

extension RedisConnection {
    private func failAll(_ reason: String) {
        state = .down
        isProven = false
        stopWatching()
        let lost = inFlight.takeAll()
        let unsent = refused + waiting.takeAll()
        refused = []
        for command in lost { command.done?(.failure(.lost(reason))) }
        for command in unsent { command.done?(.failure(.notSent)) }
    }

    private func stopWatching() {
        watch?.cancel()
        watch = nil
        secondLook?.cancel()
        secondLook = nil
    }

    private func watchForSilence() {
        stopWatching()
        watch = link.loop.schedule(after: tick, repeating: tick) { [weak self] in self?.checkForSilence() }
    }

    private var tick: UInt64 { max(limits.silenceMilliseconds / 4, 1) }

    private func checkForSilence() {
        guard isSilent else { return }
        // After a pause of our own the reply may lie unread in the socket: one more turn decides.
        secondLook?.cancel()
        secondLook = link.loop.schedule(after: 1) { [weak self] in
            guard let self, isSilent else { return }
            link.drop("Redis did not answer for \(limits.silenceMilliseconds) ms")
        }
    }

    private var isSilent: Bool {
        !inFlight.isEmpty && link.loop.now >= max(askedAt, link.heardAt ?? 0) + limits.silenceMilliseconds
    }
}
