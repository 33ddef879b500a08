import QueueCore
import RedisClient

/// The questions of `berth doctor` to Redis about itself.
public struct StoreReport: Hashable, Sendable {
    /// `Redis 7.0.15` or `Valkey 8.1.1`; empty if Berth's user may not ask.
    public var version = ""
    public var isReplica = false
    /// The clock of Redis, µs since 1970; nil if it was not told.
    public var timeMicroseconds: Int64?
}

/// The questions of `berth doctor` to Redis about the fleet and the rights of Berth's user.
public struct FleetReport: Hashable, Sendable {
    public struct Gateway: Hashable, Sendable {
        public let id: ProcessID
        /// Why it is suspended; empty if it is not.
        public let suspension: String
    }

    public struct Worker: Hashable, Sendable {
        public let id: ProcessID
        public let address: String
        public let state: String
        public let isDraining: Bool
        /// How long gateways wait for their next try; 0 if the last one did not fail.
        public let backoffMilliseconds: Int
        public let trouble: String
    }

    /// Commands that Berth needs and its user may not run.
    public let refusedCommands: [String]
    public let gateways: [Gateway]
    public let workers: [Worker]

    init?(_ reply: RedisReply) {
        guard let lists = reply.elements, lists.count == 3 else { return nil }
        let rows = lists.map { ($0.elements ?? []).map { $0.text ?? "" } }
        refusedCommands = rows[0]
        gateways = stride(from: 0, to: rows[1].count - 1, by: 2).compactMap { at in
            ProcessID(rows[1][at]).map { Gateway(id: $0, suspension: rows[1][at + 1]) }
        }
        workers = stride(from: 0, to: rows[2].count - 5, by: 6).compactMap { at in
            let row = rows[2][at..<at + 6].map { $0 }
            return ProcessID(row[0]).map {
                Worker(
                    id: $0, address: row[1], state: row[2], isDraining: row[3] == "1",
                    backoffMilliseconds: Int(row[4]) ?? 0, trouble: row[5])
            }
        }
    }
}

extension Inspector {
    /// Redis' version, role and clock, as far as Berth's user may ask.
    public func store(done: @escaping (Result<StoreReport, Failure>) -> Void) {
        var report = StoreReport()
        send(["INFO"]) { [weak self] result in
            switch result {
            case .failure(.unavailable(let words)): return done(.failure(.unavailable(words)))
            case .failure(.refused): break
            case .success(let reply): report.read(info: reply.text ?? "")
            }
            guard let self else { return }
            send(["TIME"]) { result in
                if let time = (try? result.get())?.elements, time.count == 2,
                    let seconds = time[0].text.flatMap({ Int64($0) }), let rest = time[1].text.flatMap({ Int64($0) })
                {
                    report.timeMicroseconds = seconds * 1_000_000 + rest
                }
                done(.success(report))
            }
        }
    }

    /// Gateways, workers, and the commands that Berth's user may not run.
    public func examine(done: @escaping (Result<FleetReport, Failure>) -> Void) {
        run(ScriptLibrary.examine, Self.neededCommands(keys)) { result in
            done(
                result.flatMap { reply in
                    FleetReport(reply).map { .success($0) } ?? .failure(.refused("no answer of the script examine"))
                })
        }
    }

    /// Commands with one key. A test holds this list against the scripts.
    static let commandsOfKeys = [
        "DEL", "EXISTS", "GET", "HDEL", "HEXISTS", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HSCAN",
        "HSET", "HSETNX", "MGET", "MSET", "SADD", "SCARD", "SET", "SISMEMBER", "SMEMBERS", "SMISMEMBER",
        "SRANDMEMBER", "SREM", "SSCAN", "ZADD", "ZCARD", "ZCOUNT", "ZLEXCOUNT", "ZMSCORE", "ZRANGE", "ZRANK", "ZREM",
        "ZREMRANGEBYSCORE", "ZSCAN", "ZSCORE",
    ]

    private static func neededCommands(_ keys: Keys) -> [String] {
        commandsOfKeys.map { "\($0) \(keys.state) a b" }.map { command in
            // Other arguments of these are keys too.
            switch command.prefix(while: { $0 != " " }) {
            case "DEL", "EXISTS", "MGET": String(command.dropLast(4))
            case "MSET": String(command.dropLast(2))
            default: command
            }
        } + [
            "TIME", "PING", "INFO", "SCAN 0", "SELECT 0", "SCRIPT LOAD a", "EVALSHA a 1 \(keys.state)",
            "PUBLISH \(keys.wake("a")) b", "PUBLISH \(keys.control("a")) b", "SUBSCRIBE \(keys.wake("a"))",
        ]
    }
}

extension StoreReport {
    fileprivate mutating func read(info: String) {
        var fields: [Substring: Substring] = [:]
        for line in info.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = line[line.index(after: colon)...]
        }
        // Valkey also tells the version of Redis that it is compatible with.
        if let valkey = fields["valkey_version"] {
            version = "Valkey \(valkey)"
        } else if let redis = fields["redis_version"] {
            version = "Redis \(redis)"
        }
        isReplica = fields["role"] == "slave"
    }
}
