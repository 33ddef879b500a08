import QueueCore
import TestSupport
import Testing

/// Somebody deletes, adds or changes one entry of an index by hand. It heals within the time that promises.md states, without
/// an order, and nobody loses a place. `BERTH_DRIFT_EACH=1`: each entry, not one of 4.
@Suite struct DriftTests {
    let fleet = Fleet()

    private struct Scene {
        let g: Caller
        let deaf: Caller
        let w: Caller
        let ear: Subscriber
    }

    /// A fleet with an entry in each kind of index. Tenant `a` has cap 2: it has a kept session, a session, a waiting client,
    /// and a client whose wait an operator ended. Tenant `c` waits, below its cap. The two waiting clients of tenant `b` are
    /// set aside, because their gateway does not listen.
    private func scene() -> Scene {
        fleet.auditsEachStep = false
        fleet.begin()
        let g = fleet.gateway("g")
        let ear = fleet.listen(g)
        let deaf = fleet.gateway("deaf")
        let w = fleet.worker("w", pools: ["x|||raw", "x|||raw", "y|||raw", "z|||raw"], probedBy: g)
        fleet.cap(g, "a", 2)
        fleet.order("zero:q", "1")
        fleet.order("pause:z", "1")
        let kept = fleet.enqueue(g, fleet.newWaiter(), run: "r", alias: "one", keep: 600).grant!
        fleet.accept(w, kept)
        fleet.keep(w, kept)
        fleet.accept(w, fleet.enqueue(g, fleet.newWaiter(), run: "r").grant!)
        fleet.enqueue(g, fleet.newWaiter(), run: "r", alias: "two")
        fleet.enqueue(g, fleet.newWaiter(), tenant: "c")
        let ended = fleet.newWaiter()
        fleet.enqueue(g, ended)
        fleet.finish(g, "waiter", ended)
        let first = fleet.enqueue(deaf, fleet.newWaiter(), tenant: "b", "y|||raw").grant!
        fleet.accept(w, first)
        for _ in 0..<2 { fleet.enqueue(deaf, fleet.newWaiter(), tenant: "b", "y|||raw", run: "s") }
        fleet.release(w, first)
        fleet.ready(w, first)
        fleet.reject(byWorker: w, slot(w, 2), .failed)
        fleet.heal(2, [g, w], deaf: [deaf])
        return Scene(g: g, deaf: deaf, w: w, ear: ear)
    }

    private func slot(_ w: Caller, _ index: Int) -> Grant {
        let slot = fleet.look().slots[w.id]![index]
        return Grant(
            lease: LeaseID(slot.lease)!, worker: ProcessID(w.id)!, slot: index, address: "-", pool: slot.pool,
            token: Token(epoch: Int64(slot.epoch), number: Int64(slot.number)))
    }

    /// Keys that are derived from nothing: rows, orders, times, and what processes report. No test changes them.
    private static let facts: Set = [
        "state", "meta", "settings", "declared", "declarers", "drains", "todo", "doing", "usage", "repair",
    ]

    /// The commands that each change one entry of a key: delete it, add a stranger, or raise its score.
    private func changes(of key: String) -> [[String]] {
        let rest = String(key.dropFirst(fleet.keys.prefix.count))
        let kind = rest.split(separator: ":")[0]
        guard !Self.facts.contains(rest), !["waiter", "slot", "usage"].contains(kind) else { return [] }
        switch fleet.redis("TYPE", key).string {
        case "set":
            let members = fleet.redis("SMEMBERS", key).strings
            return members.map { ["SREM", key, $0] }
                + [["SADD", key, stranger(like: members[0])]]
        case "zset":
            let members = fleet.redis("ZRANGE", key, "0", "-1").strings
            var changes = members.map { ["ZREM", key, $0] }
            changes.append(["ZADD", key, "7", stranger(like: members[0])])
            // Scores that are derived. The others are times, or all the same.
            let derived = ["line", "heads", "eligible", "free"].contains(String(rest.split(separator: ":").last!))
            if derived || kind == "queue" { changes += members.map { ["ZINCRBY", key, "5000000", $0] } }
            return changes
        case "hash" where rest == "nodes" || rest.hasSuffix(":aliases"):
            return fleet.redis("HKEYS", key).strings.map { ["HDEL", key, $0] }
                + [["HSET", key, "stranger", fleet.newWaiter()]]
        case "string" where kind == "limits":
            return [["DEL", key], ["SET", key, String(repeating: "\0", count: 72)]]
        default: return []
        }
    }

    /// A name of the same form for something that is not there.
    private func stranger(like member: String) -> String {
        if member.contains("/") { return "w.0000000000000001/9" }
        if member.contains("|") { return "s|||raw" }
        if member.hasPrefix("0000") { return String(repeating: "9", count: member.count) }
        if member.hasPrefix("ended:") { return "ended:" + String(repeating: "9", count: 32) + ":request" }
        return member.contains(".") ? "s.0000000000000009" : "stranger"
    }

    /// One renew compares 16 pairs of tenant and selector. The next one goes on behind them.
    @Test func eachWaiterIsComparedHoweverManyTenantsWait() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        fleet.register(Caller("worker", "w"), pools: ["x|||raw"])
        for number in 0..<100 { fleet.enqueue(g, fleet.newWaiter(), tenant: "t\(number)") }
        func queues() -> [String] { fleet.redis("KEYS", fleet.keys.prefix + "queue:*").strings }
        for key in queues() { fleet.redis("DEL", key) }
        for _ in 0..<6 { fleet.renew(g) }
        #expect(queues().count == 96)
        fleet.renew(g)
        #expect(queues().count == 100)
        #expect(fleet.findings() == [])
    }

    /// The members of a set, or of a sorted set with their scores.
    private func content(of key: String) -> [String] {
        fleet.redis("TYPE", key).string == "set"
            ? fleet.redis("SMEMBERS", key).strings.sorted()
            : fleet.redis("ZRANGE", key, "0", "-1", "WITHSCORES").strings
    }

    /// Deletes each entry, and changes each derived score, of the keys whose names match. One renew, and no sweep, puts it
    /// back: in a large fleet it is long before a sweep comes to these keys.
    private func expectThatARenewHeals(_ pattern: Regex<Substring>, of owner: KeyPath<Scene, Caller>) {
        _ = scene()
        let keys = fleet.redis("KEYS", fleet.keys.prefix + "*").strings.sorted()
        let all = keys.filter { $0.dropFirst(fleet.keys.prefix.count).wholeMatch(of: pattern) != nil }
            .flatMap { changes(of: $0) }.filter { !["SADD", "ZADD"].contains($0[0]) }
        #expect(all.count > 7, "\(all)")
        for change in all {
            let owner = scene()[keyPath: owner]
            let before = content(of: change[1])
            fleet.redis.command(change)
            #expect(content(of: change[1]) != before, "\(change)")
            fleet.renew(owner, owner.kind == "worker" ? fleet.rows(of: owner) : [])
            #expect(content(of: change[1]) == before, "\(change)")
        }
        #expect(fleet.findings() == [])
    }

    @Test func oneRenewOfAWorkerHealsWhatIsDerivedFromItsSlots() {
        expectThatARenewHeals(/tenant:.*:held|due|pool:.*:(?:free|workers)/, of: \.w)
    }

    @Test func oneRenewOfAGatewayHealsWhatIsDerivedFromItsWaiters() {
        expectThatARenewHeals(/line|queue:.*|selector:.*:(?:tenants|eligible)|tenant:[ac]:selectors/, of: \.g)
    }

    @Test func anEntryChangedByHandHeals() {
        _ = scene()
        let keys = fleet.redis("KEYS", fleet.keys.prefix + "*").strings.sorted()
        let all = keys.flatMap { changes(of: $0) }
        #expect(all.count > 80)
        let step = Sample.isWhole || Sample.text("BERTH_DRIFT_EACH") != nil ? 1 : 4
        let kinds = Dictionary(grouping: all, by: { $0[0] })
        #expect(kinds.count == 9, "\(kinds.keys)")
        for index in stride(from: 3, to: all.count, by: step) {
            let scene = scene()
            let before = fleet.look()
            fleet.redis.command(all[index])
            fleet.heal(20, [scene.g, scene.w], deaf: [scene.deaf])
            #expect(fleet.findings() == [], "\(all[index])")
            let after = fleet.look()
            #expect(
                Set(before.waiters.keys).isSubset(of: after.waiters.keys) && after.line.count <= before.line.count,
                "\(all[index])")
        }
    }
}
