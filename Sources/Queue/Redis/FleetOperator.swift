import EventLoop
import QueueCore
import RedisClient

/// What an operator orders of a running fleet. Orders hold over restarts and files that stay as they were; a file that
/// changes its word on the same thing is newer. Loop-confined.
public final class FleetOperator {
    /// Why an order was not taken.
    public enum Failure: Error, Hashable, CustomStringConvertible {
        /// Redis could not be reached.
        case unavailable(String)
        /// Redis did not take it: it is full, or of another schema.
        case refused(String)
        /// No worker ever served a pool of this name.
        case unknownPool(String)
        /// Not the name of a tenant or pool.
        case badName(String)

        public var description: String {
            switch self {
            case .unavailable(let words), .refused(let words): words
            case .unknownPool(let name): "There is no pool \(name); `berth status` lists those there are"
            case .badName(let name): "'\(name)' is no such name"
            }
        }
    }

    public typealias Done = (Result<Void, Failure>) -> Void

    private let connection: RedisConnection
    private let keys: Keys
    private var waiting: [(words: [String], done: Done)] = []

    /// Connects at once; orders wait for it. `close` ends it.
    public init(loop: Loop, endpoint: RedisEndpoint, fleet: String) {
        keys = Keys(fleet: fleet)
        connection = RedisConnection(
            loop: loop, endpoint: endpoint, scripts: [ScriptLibrary.settings], key: keys.meta)
        connection.onEvent = { [weak self] in self?.connection($0) }
        connection.start()
    }

    /// Ends the connection; whoever still waits is not answered. Idempotent.
    public func close() {
        waiting = []
        connection.close()
    }

    /// No more grants of a pool, or of all pools of a label; waiters hold, sessions stay.
    /// - Parameter pool: `label|browser|version`, or a label.
    public func pause(_ pool: String, done: @escaping Done) { set("pause:\(pool)", "1", done) }

    /// Ends the pause of that name, and dispatches. A pause of its label is another one.
    public func resume(_ pool: String, done: @escaping Done) { set("pause:\(pool)", "-", done) }

    /// A tenant's limits (`*`: of tenants without their own); nil gives the word back to the file. A lower cap ends nothing.
    public func setLimits(_ limits: TenantLimits?, of tenant: String, done: @escaping Done) {
        set("tenant:\(tenant)", limits?.words ?? "-", done)
    }

    /// Who goes first; nil gives the word back to the file.
    public func setPolicy(_ policy: Policy?, done: @escaping Done) { set("policy", policy?.rawValue ?? "-", done) }

    private func set(_ name: String, _ text: String, _ done: @escaping Done) {
        let words = ["", "0", "0", "0", "0", "operator", "set", "0", "1", name, text]
        if connection.isUp { return send(words, done) }
        waiting.append((words, done))
    }

    private func send(_ words: [String], _ done: @escaping Done) {
        connection.run(ScriptLibrary.settings, keys: [Array(keys.meta.utf8)], arguments: words.map { Array($0.utf8) }) {
            switch $0 {
            case .failure(let error):
                done(.failure(.unavailable("\(error)")))
            case .success(let reply):
                guard let reply = ScriptReply(reply) else {
                    return done(.failure(.unavailable("no answer of a script")))
                }
                switch reply.status {
                case "ok": done(.success(()))
                case "unknown_pool": done(.failure(.unknownPool(reply.text(0))))
                case "bad": done(.failure(.badName(words[9])))
                default: done(.failure(.refused("\(reply.status) \(reply.text(0))")))
                }
            }
        }
    }

    /// The first failure to connect answers whoever waits: an operator's command does not hang.
    private func connection(_ event: RedisConnection.Event) {
        let orders = waiting
        waiting = []
        for order in orders {
            switch event {
            case .up: send(order.words, order.done)
            case .down(let reason): order.done(.failure(.unavailable(reason)))
            }
        }
    }
}
