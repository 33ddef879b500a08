import EventLoop

/// Why a command has no reply.
public enum RedisError: Error, Hashable, CustomStringConvertible {
    /// The connection ended or was dropped before the reply. The command may have been executed.
    case lost(String)
    /// The command was never executed.
    case notSent

    public var description: String {
        switch self {
        case .lost(let words): words
        case .notSent: "there is no connection"
        }
    }
}

/// Sends pipelined commands over one connection that reconnects automatically.
///
/// Commands are written in order, once per turn of the loop. The callers decide how many are in flight at once. While
/// the connection is down, commands fail with `.notSent`, and callers send them again at the next `.up`. If commands
/// are in flight and Redis sends nothing at all for `silenceMilliseconds`, the connection is dropped and all commands
/// in flight fail with `.lost`. A Redis that answers other commands first is slow, not down, so the age of one command
/// ends no connection.
///
/// A login does not prove that Redis works, because a replica accepts one too. The first reply other than an error
/// proves it.
///
/// The NOSCRIPT fence: if Redis has lost the scripts, sending stops until all commands in flight are answered. Then all
/// scripts are loaded. The commands that found no script are sent again, in their order, before other commands.
public final class RedisConnection {
    /// A change of the connection's state.
    public enum Event: Hashable, Sendable {
        /// Logged in, scripts loaded. `number` counts such connections from 1.
        case up(number: Int)
        /// An attempt failed or the connection ended. The next attempt follows automatically. Sent once for each
        /// failure.
        case down(reason: String)
    }

    /// Bounds of one connection.
    public struct Limits: Hashable, Sendable {
        public var connectTimeoutMilliseconds: UInt64 = 1000
        /// Longest time without a byte from Redis while commands are in flight.
        public var silenceMilliseconds: UInt64 = 1000
        public var backoffMaxMilliseconds: UInt64 = 2000

        public init() {}
    }

    public typealias Done = (Result<RedisReply, RedisError>) -> Void

    struct Command {
        let bytes: [UInt8]
        /// True for callers' scripts, for which NOSCRIPT raises the fence.
        var isScript = false
        /// Nil for the connection's own commands (login, SCRIPT LOAD). `prepared` handles their replies.
        var done: Done?
        /// How often Redis answered NOSCRIPT to it.
        var refusals = 0
    }

    enum State {
        /// Not connected. Can transition to: preparing.
        case down
        /// Connected; logging in and loading scripts. No command of a caller is sent. Can transition to: up, down.
        case preparing
        /// Commands are sent. Can transition to: fenced, down.
        case up
        /// Scripts are missing. Nothing is sent until all commands in flight are answered. Can transition to:
        /// reloading, down.
        case fenced
        /// Only SCRIPT LOAD is in flight. Can transition to: up, down.
        case reloading
    }

    private static let refusalsMax = 16

    let link: RedisLink
    let scripts: [RedisScript]
    let limits: Limits
    /// A key of the data that the scripts use.
    private let key: [UInt8]?
    /// Called on the loop, never from inside a call that the owner makes.
    public var onEvent: (Event) -> Void
    private var state = State.down
    private var waiting = Fifo<Command>()
    private var inFlight = Fifo<Command>()
    /// Commands that found no script, in order.
    private var refused: [Command] = []
    private var isFlushScheduled = false
    private var watch: Timer?
    private var recheck: Timer?
    /// When a command was last sent while no other was in flight.
    private var askedAt: UInt64 = 0
    /// Redis answered a caller's command on this connection, and not with an error.
    private var isProven = false

    /// How often the connection was established. Callers send it as an argument, so that Redis ignores late bytes of an
    /// old connection.
    public private(set) var number = 0

    /// - Parameter key: one of the keys that the commands use. In a cluster, the connection goes to this key's node.
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

    /// Connects. Does so again after each end, until `close()`.
    public func start() { link.start() }

    /// Closes the connection for good. Commands without a reply fail, from inside this method. No event follows.
    /// Idempotent.
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

    /// The local address, `host:port`; empty while there is no connection.
    public var localAddress: String { link.stream?.localAddress ?? "" }

    /// Sends a command. `done` is called once, never from inside this method.
    public func send(_ arguments: [[UInt8]], done: @escaping Done) {
        enqueue(Command(bytes: redisCommand(arguments), done: done))
    }

    /// Runs a script by EVALSHA. The script must be one of those given to `init`. `done` is called as for `send`.
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
        // If the redirection arrives before the login is done, the connection was not up, so it does not go down.
        let isEarlyRedirect = isRedirected && !isUp
        failAll(reason)
        if !isEarlyRedirect { onEvent(.down(reason: reason)) }
    }

    func link(received reply: RedisReply) {
        guard let command = inFlight.popFirst() else {
            link.drop("Redis sent a reply that nobody asked for")
            return
        }
        if let reason = RedisFault.elsewhere(reply, at: link.endpoint) {
            // The command is not in flight any more, so it fails here. The others fail when the link ends.
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
        // Loading does not help if each command may reach another server.
        if command.refusals == RedisConnection.refusalsMax { link.drop("Redis forgets its scripts again and again") }
    }

    /// Sends what may be sent now. The callback just made may have changed the state.
    private func advance() {
        switch state {
        case .up: flushLater()
        case .fenced where inFlight.isEmpty:
            state = .reloading
            send(prologue: scripts.map { redisCommand([Array("SCRIPT".utf8), Array("LOAD".utf8), $0.source]) })
        case .fenced, .reloading, .preparing, .down: break
        }
    }

    /// One of the connection's own commands was answered.
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
        // A paused Redis still accepts connections, so wait for an answer. A node of a cluster answers only for its own
        // keys, so ask for one of our keys.
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
        recheck?.cancel()
        recheck = nil
    }

    private func watchForSilence() {
        stopWatching()
        watch = link.loop.schedule(after: tick, repeating: tick) { [weak self] in self?.checkForSilence() }
    }

    private var tick: UInt64 { max(limits.silenceMilliseconds / 4, 1) }

    private func checkForSilence() {
        guard isSilent else { return }
        // If this process was paused, the reply may be unread in the socket. Check again after one turn of the loop.
        recheck?.cancel()
        recheck = link.loop.schedule(after: 1) { [weak self] in
            guard let self, isSilent else { return }
            link.drop(
                RedisFault.silent(
                    milliseconds: limits.silenceMilliseconds, isHandshaking: link.stream?.isHandshaking ?? false,
                    at: link.endpoint))
        }
    }

    private var isSilent: Bool {
        !inFlight.isEmpty && link.loop.now >= max(askedAt, link.heardAt ?? 0) + limits.silenceMilliseconds
    }
}
