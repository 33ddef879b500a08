import QueueCore
import SimulatedRedis

/// The fleet as Redis holds it, read by the checkers' own eyes: no script has a part in it. What a commit
/// wrote is read again at the next look.
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
        /// Waiters of suspended gateways, by gateway.
        public var aside: [String: [String]] = [:]
        public var line: [String: Double] = [:]
        public var todo: [String] = []
        public var holdOff = false
        public var epoch: Int64 = 0
    }

    public let redis: SimulatedRedis
    public let prefix: String
    private var known = Picture()
    private var isRead = false
    private var isCurrent = false
    private var fit: [String: [String: Bool]] = [:]
    var words: [String: String]?
    var terms: [String: Terms] = [:]

    public init(_ redis: SimulatedRedis, fleet: String) {
        self.redis = redis
        prefix = "berth:{\(fleet)}:"
    }

    /// Something was written: the next look reads it.
    public func forget() { isCurrent = false }

    public func key(_ parts: String...) -> String { prefix + parts.joined(separator: ":") }

    public func fields(_ key: String) -> [String: String] {
        Dictionary(redis.hash(key).map { ($0.field, $0.value) }) { first, _ in first }
    }

    /// One field of a row, packed or not; nil where there is none.
    public func field(_ parts: String..., of name: String) -> String? {
        let rest = parts.joined(separator: ":")
        guard let row = PackedRow.under(rest[...]) else { return redis.field(prefix + rest, name) }
        return redis.bytes(prefix + rest).flatMap { row.value(name, of: $0) }
    }

    /// What each call of a process writes, whichever kind of process it is.
    public func call(of process: String, _ name: String) -> String? {
        field("worker", process, "call", of: name) ?? field("gateway", process, "call", of: name)
    }

    /// Whether a slot of the pool serves what the selector asks for.
    public func fits(_ selector: String, _ pool: String) -> Bool {
        if let known = fit[selector]?[pool] { return known }
        let parts = selector.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        var answer = false
        if parts.count == 4,
            let asked = Selector(
                pattern: parts[0], browser: parts[1], version: parts[2], slotProtocol: SlotProtocol(rawValue: parts[3])),
            let pool = Pool(pool)
        {
            answer = asked.rank(of: pool) != nil
        }
        fit[selector, default: [:]][pool] = answer
        return answer
    }

    public var picture: Picture {
        if !isCurrent {
            refresh()
            isCurrent = true
        }
        return known
    }

    /// What stands in each key, as a number to compare.
    public func contents(without left: [String]) -> [String: UInt64] {
        var contents = redis.digests
        for name in left { contents[prefix + name] = nil }
        return contents
    }

    /// Reads again what was written since the last look.
    private func refresh() {
        guard let touched = redis.touchedKeys(), isRead else {
            known = Picture()
            (words, terms) = (nil, [:])
            for name in redis.keys { read(name) }
            isRead = true
            return
        }
        for name in touched { read(name) }
    }

    private func read(_ name: String) {
        guard name.utf8.starts(with: prefix.utf8) else { return }
        let rest = name.utf8.dropFirst(prefix.utf8.count)
        guard let colon = rest.firstIndex(of: UInt8(ascii: ":")) else { return readWhole(name, Substring(rest)) }
        let id = Substring(rest[rest.index(after: colon)...])
        switch Substring(rest[..<colon]) {
        case "waiter":
            let id = String(id)
            known.waiters[id] = waiter(id, name)
        case "lease":
            let id = String(id)
            known.leases[id] = lease(id, name)
        case "tenant" where id.hasSuffix(":held"):
            let members = redis.members(name)
            known.held[String(id.dropLast(5))] = members.isEmpty ? nil : members
        case "gateway": readGateway(id, name)
        case "worker": readWorker(id, name)
        case "selector" where id.hasSuffix(":eligible"):
            let entries = redis.ranked(name)
            known.eligible[String(id.dropLast(9))] = entries.isEmpty ? nil : entries
        default: break
        }
    }

    private func readWhole(_ name: String, _ rest: Substring) {
        switch rest {
        case "todo": known.todo = redis.members(name)
        case "line": known.line = Dictionary(redis.ranked(name).map { ($0.member, $0.score) }) { first, _ in first }
        case "settings":
            words = nil
            terms = [:]
        case "state":
            known.holdOff = (Int64(field("state", of: "holdOff") ?? "0") ?? 0) > 0
            known.epoch = Int64(field("state", of: "epoch") ?? "0") ?? 0
        default: break
        }
    }

    private func readGateway(_ id: Substring, _ name: String) {
        if !id.utf8.contains(UInt8(ascii: ":")) {
            known.gateways[String(id)] = redis.type(name) == nil ? nil : redis.field(name, "mark") ?? ""
        } else if id.hasSuffix(":aside") {
            let aside = redis.ranked(name).map(\.member)
            known.aside[String(id.dropLast(6))] = aside.isEmpty ? nil : aside
        }
    }

    private func readWorker(_ id: Substring, _ name: String) {
        let own = String(id.hasSuffix(":slots") ? id.dropLast(6) : id)
        guard !own.utf8.contains(UInt8(ascii: ":")) else { return }
        let place = known.workers.firstIndex { $0.id >= own } ?? known.workers.endIndex
        let isKnown = place < known.workers.endIndex && known.workers[place].id == own
        switch (worker(own), isKnown) {
        case (let line?, true): known.workers[place] = line
        case (let line?, false): known.workers.insert(line, at: place)
        case (nil, true): known.workers.remove(at: place)
        case (nil, false): break
        }
    }

    private static let leaseFields = [
        "waiter", "tenant", "gateway", "worker", "slot", "pool", "epoch", "number", "state", "over", "cap",
    ]
    private static let workerFields = ["state", "draining", "trial", "pools", "slots"]

    private func waiter(_ id: String, _ name: String) -> WaiterLine? {
        guard let row = redis.bytes(name).flatMap(PackedRow.waiter.values) else { return nil }
        return WaiterLine(
            id: id, tenant: row[4], selector: row[5], gateway: row[6], score: Int64(row[1]) ?? 0, state: row[9],
            lease: row[10])
    }

    private func lease(_ id: String, _ name: String) -> LeaseLine? {
        guard let row = redis.fields(name, StoreView.leaseFields) else { return nil }
        return LeaseLine(
            id: id, waiter: row[0], tenant: row[1], gateway: row[2], worker: row[3], slot: row[4], pool: row[5],
            token: Token(epoch: Int64(row[6]) ?? 0, number: Int64(row[7]) ?? 0), state: row[8],
            isOver: row[9] == "1", cap: Int(row[10]) ?? 0)
    }

    private func worker(_ id: String) -> WorkerLine? {
        guard let row = redis.fields(key("worker", id), StoreView.workerFields) else { return nil }
        let slots = redis.hash(key("worker", id, "slots")).map { slot, text in
            let w = text.split(separator: " ").map(String.init)
            return SlotLine(
                worker: id, slot: slot, state: w[0], token: Token(epoch: Int64(w[1]) ?? 0, number: Int64(w[2]) ?? 0),
                lease: w[3], pool: w[5])
        }
        return WorkerLine(
            id: id, state: row[0], isDraining: row[1] == "1", trial: row[2],
            pools: row[3].split(separator: " ").map(String.init), declared: Int(row[4]) ?? 0, slots: slots)
    }
}
