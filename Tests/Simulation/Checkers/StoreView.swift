import QueueCore
import SimulatedRedis

/// The fleet as Redis holds it, read by the checkers' own eyes: no script has a part in it. Read once a commit at most.
public final class StoreView {
    public struct SlotLine {
        public let worker: String
        public let slot: String
        public let state: String
        public let token: Token
        public let lease: String
        public let pool: String
    }

    public struct WorkerLine {
        public let id: String
        public let state: String
        public let isDraining: Bool
        public let trial: String
        public let pools: [String]
        public let declared: Int
        public let slots: [SlotLine]

        public var isGrantable: Bool { !isDraining && (state == "ok" || (state == "trial" && trial.isEmpty)) }
    }

    public struct LeaseLine {
        public let id: String
        public let waiter: String
        public let tenant: String
        public let gateway: String
        public let worker: String
        public let slot: String
        public let pool: String
        public let token: Token
        public let state: String
        public let isOver: Bool
        public let cap: Int
    }

    public struct WaiterLine {
        public let id: String
        public let tenant: String
        public let selector: String
        public let gateway: String
        public let score: Int64
        public let state: String
        public let lease: String
    }

    public struct Picture {
        public var workers: [WorkerLine] = []
        public var leases: [String: LeaseLine] = [:]
        public var waiters: [String: WaiterLine] = [:]
        public var held: [String: [String]] = [:]
        /// Gateways and why they are suspended, "" where they are not.
        public var gateways: [String: String] = [:]
        public var eligible: [String: [(member: String, score: Double)]] = [:]
        public var todo: [String] = []
        public var holdOff = false
        public var epoch: Int64 = 0
    }

    public let redis: SimulatedRedis
    public let prefix: String
    private var known: Picture?
    private var fit: [String: [String: Bool]] = [:]
    var words: [String: String]?
    var terms: [String: Terms] = [:]

    public init(_ redis: SimulatedRedis, fleet: String) {
        self.redis = redis
        prefix = "berth:{\(fleet)}:"
    }

    /// The next look reads anew.
    public func forget() {
        known = nil
        terms = [:]
        words = nil
    }

    public func key(_ parts: String...) -> String { prefix + parts.joined(separator: ":") }

    public func fields(_ key: String) -> [String: String] {
        Dictionary(redis.hash(key).map { ($0.field, $0.value) }) { first, _ in first }
    }

    /// Whether a slot of the pool serves what the selector asks for.
    public func fits(_ selector: String, _ pool: String) -> Bool {
        if let known = fit[selector]?[pool] { return known }
        let parts = selector.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        var answer = false
        if parts.count == 3, let asked = Selector(pattern: parts[0], browser: parts[1], version: parts[2]),
            let pool = Pool(pool)
        {
            answer = asked.rank(of: pool) != nil
        }
        fit[selector, default: [:]][pool] = answer
        return answer
    }

    public var picture: Picture {
        if let known { return known }
        let read = readAll()
        known = read
        return read
    }

    /// What stands in each key, as a number to compare within this process.
    public func contents(without left: [String]) -> [String: Int] {
        let leftOut = Set(left.map { prefix + $0 })
        var out: [String: Int] = [:]
        for name in redis.keys where !leftOut.contains(name) {
            var hasher = Hasher()
            switch redis.type(name) {
            case "hash": for (field, value) in redis.hash(name) { hasher.combine([field, value]) }
            case "set": hasher.combine(redis.members(name))
            case "zset":
                for (member, score) in redis.ranked(name) {
                    hasher.combine(member)
                    hasher.combine(score)
                }
            default: hasher.combine(redis.string(name))
            }
            out[name] = hasher.finalize()
        }
        return out
    }

    private func readAll() -> Picture {
        var picture = Picture()
        for name in redis.keys where name.hasPrefix(prefix) {
            let rest = name.dropFirst(prefix.count)
            guard let colon = rest.firstIndex(of: ":") else { continue }
            let id = String(rest[rest.index(after: colon)...])
            switch rest[..<colon] {
            case "waiter": picture.waiters[id] = waiter(id, fields(name))
            case "lease": picture.leases[id] = lease(id, fields(name))
            case "tenant" where id.hasSuffix(":held"):
                picture.held[String(id.dropLast(5))] = redis.members(name)
            case "gateway" where !id.contains(":"):
                picture.gateways[id] = redis.field(name, "mark") ?? ""
            case "worker" where !id.contains(":"): picture.workers.append(worker(id, fields(name)))
            case "selector" where id.hasSuffix(":eligible"):
                picture.eligible[String(id.dropLast(9))] = redis.ranked(name)
            default: break
            }
        }
        picture.todo = redis.members(key("todo"))
        picture.holdOff = (Int64(redis.field(key("meta"), "holdOff") ?? "0") ?? 0) > 0
        picture.epoch = Int64(redis.field(key("meta"), "epoch") ?? "0") ?? 0
        return picture
    }

    private func waiter(_ id: String, _ row: [String: String]) -> WaiterLine {
        WaiterLine(
            id: id, tenant: row["tenant"] ?? "", selector: row["selector"] ?? "", gateway: row["gateway"] ?? "",
            score: Int64(row["score"] ?? "") ?? 0, state: row["state"] ?? "", lease: row["lease"] ?? "")
    }

    public func lease(_ id: String, _ row: [String: String]) -> LeaseLine {
        LeaseLine(
            id: id, waiter: row["waiter"] ?? "", tenant: row["tenant"] ?? "", gateway: row["gateway"] ?? "",
            worker: row["worker"] ?? "", slot: row["slot"] ?? "", pool: row["pool"] ?? "",
            token: Token(epoch: Int64(row["epoch"] ?? "") ?? 0, number: Int64(row["number"] ?? "") ?? 0),
            state: row["state"] ?? "", isOver: row["over"] == "1", cap: Int(row["cap"] ?? "") ?? 0)
    }

    private func worker(_ id: String, _ row: [String: String]) -> WorkerLine {
        let slots = redis.hash(key("worker", id, "slots")).map { slot, text in
            let w = text.split(separator: " ").map(String.init)
            return SlotLine(
                worker: id, slot: slot, state: w[0], token: Token(epoch: Int64(w[1]) ?? 0, number: Int64(w[2]) ?? 0),
                lease: w[3], pool: w[5])
        }
        return WorkerLine(
            id: id, state: row["state"] ?? "", isDraining: row["draining"] == "1", trial: row["trial"] ?? "",
            pools: (row["pools"] ?? "").split(separator: " ").map(String.init),
            declared: Int(row["slots"] ?? "") ?? 0, slots: slots)
    }
}
