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
        /// How the last lease ended.
        public let how: String
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

        var place: String { "\(worker)/\(slot)" }
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
        /// The lease of each slot that has one, by the slot's name.
        public var leaseAt: [String: String] = [:]
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
    /// The slots that each tenant holds.
    private var places: [String: [String]] = [:]
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
        if parts[0] == "lease" { return leaseField(parts[1], name) }
        let rest = parts.joined(separator: ":")
        guard let row = PackedRow.under(rest[...]) else { return redis.field(prefix + rest, name) }
        return redis.bytes(prefix + rest).flatMap { row.value(name, of: $0) }
    }

    /// One field of a lease, from its slot's row.
    private func leaseField(_ id: String, _ name: String) -> String? {
        guard let lease = picture.leases[id] else { return nil }
        switch name {
        case "waiter": return lease.waiter
        case "worker": return lease.worker
        case "slot": return lease.slot
        default: break
        }
        let value = field("slot", lease.place, of: name)
        return value == "" ? nil : value
    }

    /// The entries of `due`: the slot's lease, or the slot's name if it has no lease, and the deadline.
    public var deadlines: [(member: String, score: Double)] {
        let picture = picture
        return redis.ranked(key("due")).map { (picture.leaseAt[$0.member] ?? $0.member, $0.score) }
    }

    /// One field of the hash of a gateway or worker.
    public func more(of process: String, _ name: String) -> String? {
        field("worker", process, "more", of: name) ?? field("gateway", process, of: name)
    }

    /// One field of the row that each call of a gateway or worker writes.
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
            places = [:]
            for name in redis.keys { read(name) }
            isRead = true
            return name(held: true)
        }
        for name in touched { read(name) }
        name(held: touched.contains { $0.contains(":slot:") || $0.hasSuffix(":held") })
    }

    /// Replaces the names of slots in `held` by the leases of these slots.
    private func name(held changed: Bool) {
        guard changed else { return }
        known.held = places.mapValues { $0.map { known.leaseAt[$0] ?? $0 } }
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
        case "slot": readSlot(id, name)
        case "tenant" where id.hasSuffix(":held"):
            let members = redis.members(name)
            places[String(id.dropLast(5))] = members.isEmpty ? nil : members
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

    private func readSlot(_ id: Substring, _ name: String) {
        guard let slash = id.lastIndex(of: "/") else { return }
        let (worker, slot) = (String(id[..<slash]), String(id[id.index(after: slash)...]))
        let place = "\(worker)/\(slot)"
        if let before = known.leaseAt.removeValue(forKey: place), known.leases[before]?.place == place {
            known.leases[before] = nil
        }
        if let lease = lease(worker, slot, name) {
            known.leases[lease.id] = lease
            known.leaseAt[place] = lease.id
        }
        readWorker(Substring(worker), key("worker", worker))
    }

    private func readWorker(_ id: Substring, _ name: String) {
        let own = String(id)
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

    private func waiter(_ id: String, _ name: String) -> WaiterLine? {
        guard let row = redis.bytes(name).flatMap(PackedRow.waiter.values) else { return nil }
        return WaiterLine(
            id: id, tenant: row[6], selector: row[7], gateway: row[8], score: Int64(row[1]) ?? 0, state: row[11],
            lease: row[4])
    }

    private func lease(_ worker: String, _ slot: String, _ name: String) -> LeaseLine? {
        guard let row = redis.bytes(name).flatMap(PackedRow.slot.values), !row[9].isEmpty else { return nil }
        return LeaseLine(
            id: row[9], waiter: String(row[9].prefix(32)), tenant: row[12], gateway: row[13], worker: worker,
            slot: slot,
            pool: row[11], token: Token(epoch: Int64(row[0]) ?? 0, number: Int64(row[1]) ?? 0), state: row[8],
            isOver: row[7] == "1", cap: Int(row[6]) ?? 0)
    }

    private func worker(_ id: String) -> WorkerLine? {
        guard let row = redis.bytes(key("worker", id)).flatMap(PackedRow.worker.values) else { return nil }
        let declared = Int(row[0]) ?? 0
        let slots = (0..<declared).compactMap { slot -> SlotLine? in
            guard let row = redis.bytes(key("slot", "\(id)/\(slot)")).flatMap(PackedRow.slot.values) else { return nil }
            return SlotLine(
                worker: id, slot: "\(slot)", state: row[9].isEmpty ? row[8] : "leased",
                token: Token(epoch: Int64(row[0]) ?? 0, number: Int64(row[1]) ?? 0),
                lease: row[9].isEmpty ? "-" : row[9],
                how: row[10], pool: row[11])
        }
        return WorkerLine(
            id: id, state: row[5], isDraining: row[4] == "1", trial: row[6],
            pools: row[9].split(separator: " ").map(String.init), declared: declared, slots: slots)
    }
}
