import EventLoop
import QueueCore
import RedisClient

/// An operator's orders to a running fleet. An order survives restarts, and configuration files that stay unchanged. If
/// a file changes its own value of the same setting, the new value replaces the order. Loop-confined.
public final class FleetOperator {
    /// Why an order failed.
    public enum Failure: Error, Hashable, CustomStringConvertible {
        /// Redis could not be reached.
        case unavailable(String)
        /// Redis refused the order, because Redis is full or has another schema.
        case refused(String)
        /// No worker ever served a pool of this name.
        case unknownPool(String)
        /// No worker has this node id or process id. `there`: the process ids of the fleet's workers, at most 16.
        case unknownWorker(String, there: [String])
        /// Not a valid name of a tenant, pool or worker.
        case badName(String)

        public var description: String {
            switch self {
            case .unavailable(let words), .refused(let words): words
            case .unknownPool(let name): "There is no pool \(name); `berth status` lists those there are"
            case .unknownWorker(let name, []): "There is no worker \(name), and no other one either"
            case .unknownWorker(let name, let there):
                "There is no worker \(name). There are: \(there.joined(separator: ", "))"
            case .badName(let name): "'\(name)' is no such name"
            }
        }

        /// The description as a sentence. If Redis is the cause, it says so.
        public var sentence: String {
            switch self {
            case .unavailable(let words): RedisCause.unavailable(words)
            case .refused(let words): RedisCause.refused(words)
            case .unknownPool, .unknownWorker, .badName: description
            }
        }
    }

    public typealias Done = (Result<Void, Failure>) -> Void

    private let connection: RedisConnection
    private let keys: Keys
    private var waiting: [Order] = []

    private struct Order {
        let script: RedisScript
        let words: [String]
        let done: (Result<ScriptReply, Failure>) -> Void
    }

    /// Connects at once. Orders wait for the connection. `close` ends it.
    public init(loop: Loop, endpoint: RedisEndpoint, fleet: String) {
        keys = Keys(fleet: fleet)
        connection = RedisConnection(
            loop: loop, endpoint: endpoint,
            scripts: [ScriptLibrary.settings, ScriptLibrary.drain, ScriptLibrary.finish], key: keys.state)
        connection.onEvent = { [weak self] in self?.connection($0) }
        connection.start()
    }

    /// Closes the connection. Orders that still wait get no answer. Idempotent.
    public func close() {
        waiting = []
        connection.close()
    }

    /// Stops grants of a pool, or of all pools of a label. Waiters stay in the queue, and sessions continue.
    /// - Parameter pool: `label|browser|version|protocol`, or a label.
    public func pause(_ pool: String, done: @escaping Done) { set("pause:\(pool)", "1", done) }

    /// Ends the pause of that name, and dispatches. A pause of the pool's label is a separate pause.
    public func resume(_ pool: String, done: @escaping Done) { set("pause:\(pool)", "-", done) }

    /// Sets a tenant's limits (`*`: the limits of tenants without their own). If nil, the file's limits apply again. A
    /// lower cap ends no session.
    public func setLimits(_ limits: TenantLimits?, of tenant: String, done: @escaping Done) {
        set("tenant:\(tenant)", limits?.words ?? "-", done)
    }

    /// Sets which tenant is served first. If nil, the file's policy applies again.
    public func setPolicy(_ policy: Policy?, done: @escaping Done) { set("policy", policy?.rawValue ?? "-", done) }

    /// A worker takes no more clients from now on. Once it heard the order, it does what it does at SIGTERM.
    /// - Parameters:
    ///   - worker: its process id, or its node id for the present process of that node.
    ///   - done: receives its process id.
    public func drain(_ worker: String, done: @escaping (Result<String, Failure>) -> Void) {
        run(ScriptLibrary.drain, ["drain", worker]) {
            done(
                $0.flatMap { reply in
                    switch reply.status {
                    case "ok": .success(reply.text(0))
                    case "unknown_worker": .failure(.unknownWorker(worker, there: reply.texts(0)))
                    case "bad": .failure(.badName(worker))
                    default: .failure(.refused("\(reply.status) \(reply.text(0))"))
                    }
                })
        }
    }

    /// Ends a waiter or a session of any tenant. Its client is told that it was ended by request.
    /// - Parameter target: a waiter by its id, or a lease.
    public func end(_ target: EndTarget, done: @escaping (Result<Bool, Failure>) -> Void) {
        run(ScriptLibrary.finish, [""] + target.words + [EndReason.request.rawValue]) {
            done(
                $0.flatMap { reply in
                    switch reply.status {
                    case "ok": .success(true)
                    case "not_found": .success(false)
                    case "bad": .failure(.badName("\(target)"))
                    default: .failure(.refused("\(reply.status) \(reply.text(0))"))
                    }
                })
        }
    }

    private func set(_ name: String, _ text: String, _ done: @escaping Done) {
        run(ScriptLibrary.settings, ["set", "0", "1", name, text]) {
            done(
                $0.flatMap { reply in
                    switch reply.status {
                    case "ok": .success(())
                    case "unknown_pool": .failure(.unknownPool(reply.text(0)))
                    case "bad": .failure(.badName(name))
                    default: .failure(.refused("\(reply.status) \(reply.text(0))"))
                    }
                })
        }
    }

    private func run(
        _ script: RedisScript, _ words: [String], done: @escaping (Result<ScriptReply, Failure>) -> Void
    ) {
        let order = Order(script: script, words: ["", "0", "0", "0", "0", "operator"] + words, done: done)
        if connection.isUp { return send(order) }
        waiting.append(order)
    }

    private func send(_ order: Order) {
        connection.run(
            order.script, keys: [Array(keys.state.utf8)], arguments: order.words.map { Array($0.utf8) }
        ) {
            switch $0 {
            case .failure(let error):
                order.done(.failure(.unavailable("\(error)")))
            case .success(let reply):
                guard let reply = ScriptReply(reply) else {
                    return order.done(.failure(.unavailable("no answer of a script")))
                }
                order.done(.success(reply))
            }
        }
    }

    /// If the first attempt to connect fails, all waiting orders fail, so that an operator's command does not hang.
    private func connection(_ event: RedisConnection.Event) {
        let orders = waiting
        waiting = []
        for order in orders {
            switch event {
            case .up: send(order)
            case .down(let reason): order.done(.failure(.unavailable(reason)))
            }
        }
    }
}
