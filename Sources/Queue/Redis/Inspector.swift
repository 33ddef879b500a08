import EventLoop
import QueueCore
import RedisClient

/// An operator's view of a fleet: its records, audit, places, and Redis' eviction policy. Changes no data.
public final class Inspector {
    /// Why a query failed.
    public enum Failure: Error, Hashable, CustomStringConvertible {
        /// Redis could not be reached.
        case unavailable(String)
        /// Redis answered with an error.
        case refused(String)

        public var description: String {
            switch self {
            case .unavailable(let words), .refused(let words): words
            }
        }

        /// The description as a sentence that names Redis as the cause.
        public var sentence: String {
            switch self {
            case .unavailable(let words): RedisCause.unavailable(words)
            case .refused(let words): RedisCause.refused(words)
            }
        }
    }

    private let connection: RedisConnection
    let keys: Keys
    private var waiting: [() -> Void] = []
    private var failed: [(String) -> Void] = []

    /// Connects at once. Queries wait for the connection. `close` ends it.
    public init(loop: Loop, endpoint: RedisEndpoint, fleet: String) {
        keys = Keys(fleet: fleet)
        connection = RedisConnection(
            loop: loop, endpoint: endpoint,
            scripts: [
                ScriptLibrary.survey, ScriptLibrary.audit, ScriptLibrary.place, ScriptLibrary.sessions,
                ScriptLibrary.usage, ScriptLibrary.examine,
            ],
            key: keys.state)
        connection.onEvent = { [weak self] in self?.connection($0) }
        connection.start()
    }

    /// Closes the connection. Queries that still wait get no answer. Idempotent.
    public func close() {
        connection.close()
    }

    /// Asks Redis for nothing, to measure its answer.
    public func roundTrip(done: @escaping (Result<Void, Failure>) -> Void) {
        send(["PING"]) { done($0.map { _ in }) }
    }

    /// Redis' `maxmemory-policy`, from INFO, or from CONFIG if INFO is forbidden; nil if both are.
    public func evictionPolicy(done: @escaping (Result<String?, Failure>) -> Void) {
        send(["INFO", "memory"]) { [weak self] result in
            if case .success(let reply) = result, let policy = Self.policy(inInfo: reply) {
                return done(.success(policy))
            }
            if case .failure(let failure) = result, self == nil { return done(.failure(failure)) }
            self?.send(["CONFIG", "GET", "maxmemory-policy"]) { result in
                if case .failure(.refused) = result { return done(.success(nil)) }
                done(result.map { $0.elements?.last?.text })
            }
        }
    }

    private static func policy(inInfo reply: RedisReply) -> String? {
        let line = reply.text?.split(whereSeparator: \.isNewline).first { $0.hasPrefix("maxmemory_policy:") }
        return line.map { String($0.dropFirst("maxmemory_policy:".count)) }
    }

    // MARK: - Calls

    func run(
        _ script: RedisScript, _ arguments: [String], done: @escaping (Result<RedisReply, Failure>) -> Void
    ) {
        whenUp(done) { [weak self] in
            guard let self else { return }
            connection.run(
                script, keys: [Array(keys.state.utf8)],
                arguments: (["", "0", "0", "0", "0"] + arguments).map { Array($0.utf8) }
            ) { done(Self.read($0)) }
        }
    }

    func send(_ words: [String], done: @escaping (Result<RedisReply, Failure>) -> Void) {
        whenUp(done) { [weak self] in
            self?.connection.send(words.map { Array($0.utf8) }) { done(Self.read($0)) }
        }
    }

    private static func read(_ result: Result<RedisReply, RedisError>) -> Result<RedisReply, Failure> {
        switch result {
        case .success(.error(let words)): .failure(.refused(words))
        case .success(let reply): .success(reply)
        case .failure(let error): .failure(.unavailable("\(error)"))
        }
    }

    private func whenUp(_ done: @escaping (Result<RedisReply, Failure>) -> Void, _ body: @escaping () -> Void) {
        if connection.isUp { return body() }
        waiting.append(body)
        failed.append { done(.failure(.unavailable($0))) }
    }

    /// If the first attempt to connect fails, all waiting queries fail, so that an operator's command does not hang.
    private func connection(_ event: RedisConnection.Event) {
        let (bodies, failures) = (waiting, failed)
        (waiting, failed) = ([], [])
        switch event {
        case .up: for body in bodies { body() }
        case .down(let reason): for fail in failures { fail(reason) }
        }
    }
}
