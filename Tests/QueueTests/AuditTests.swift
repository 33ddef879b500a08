import QueueCore
import Testing

/// That the audit sees what it is for. Each case breaks one record behind the scripts' back.
@Suite struct AuditTests {
    let fleet = Fleet()
    private var prefix: String { fleet.keys.prefix }

    struct Wrong: CustomTestStringConvertible {
        let promise: String
        let item: String
        /// A Redis command; names in angle brackets stand for ids of the fleet.
        let command: String
        var testDescription: String { "\(promise) \(command)" }
    }

    static let wrongs = [
        Wrong(promise: "S4", item: "slot <w> 1", command: "HSET worker:<w> map xx"),
        Wrong(promise: "S4", item: "worker <w>", command: "HSET worker:<w> map x"),
        Wrong(promise: "S4", item: "slot <w> 1", command: "DEL slot:<w>/1"),
        Wrong(promise: "S4", item: "worker <w>", command: "ZREM pool:x|||raw:free <w>"),
        Wrong(promise: "S4", item: "worker <w>", command: "SREM pool:x|||raw:workers <w>"),
        Wrong(promise: "S4", item: "pool x|||raw", command: "ZADD pool:x|||raw:free -1 nobody.0000000000000001"),
        Wrong(promise: "S1", item: "slot <w> 0", command: "HSET slot:<w>/0 lease <ghost>.1"),
        Wrong(promise: "S1", item: "key slot:gone.1/0", command: "HSET slot:gone.1/0 state free"),
        Wrong(promise: "S3", item: "tenant z", command: "SADD tenant:z:held <w>/1"),
        Wrong(
            promise: "S5", item: "key waiter:<ghost>", command: "HSET waiter:<ghost> gateway <g> tenant z state queued"),
        Wrong(promise: "S3", item: "slot <w> 0", command: "SREM tenant:a:held <w>/0"),
        Wrong(promise: "S3", item: "tenant a", command: "SADD tenant:a:held <w>/1"),
        Wrong(promise: "S3", item: "tenant a", command: "HSET slot:<w>/0 cap 0"),
        Wrong(promise: "S5", item: "slot <w> 0", command: "ZREM due <w>/0"),
        Wrong(promise: "S5", item: "due <w>/1", command: "ZADD due 1 <w>/1"),
        Wrong(promise: "S5", item: "waiter <waiter> <g>", command: "ZREM queue:y|||raw:a <waiter>"),
        Wrong(promise: "S5", item: "waiter <waiter> <g>", command: "ZREM line <waiter>"),
        Wrong(promise: "S5", item: "waiter <waiter> <g>", command: "ZADD gateway:<g>:aside 1 <waiter>"),
        Wrong(promise: "S5", item: "waiter <ghost> <g>", command: "ZADD gateway:<g>:waiters 0 <ghost>"),
        Wrong(promise: "S5", item: "line <ghost>", command: "ZADD line 1 <ghost>"),
        Wrong(promise: "S7", item: "waiter <waiter> <g>", command: "HSET waiter:<waiter> score 1"),
        Wrong(promise: "S8", item: "slot <w> 0", command: "HSET slot:<w>/0 number 77"),
        Wrong(promise: "S8", item: "slot <w> 0", command: "HSET state seq 0"),
        Wrong(promise: "S12", item: "entry y|||raw a", command: "ZREM selector:y|||raw:eligible a"),
        Wrong(promise: "S12", item: "entry y|||raw a", command: "ZADD selector:y|||raw:eligible 5 a"),
        Wrong(promise: "S12", item: "entry y|||raw b", command: "ZADD selector:y|||raw:eligible 5 b"),
        Wrong(promise: "S12", item: "entry y|||raw a", command: "SREM tenant:a:selectors y|||raw"),
        Wrong(promise: "S12", item: "link y|||raw y|||raw", command: "SREM pool:y|||raw:selectors y|||raw"),
        Wrong(promise: "L1", item: "pool y|||raw", command: "ZADD pool:y|||raw:free 0 <w>"),
    ]

    @Test(arguments: wrongs)
    func itFindsWhatIsWrongAndFindsItAgain(_ wrong: Wrong) throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        let other = fleet.worker("other", pools: ["y|||raw"], probedBy: g)
        let taken = fleet.enqueue(g, fleet.newWaiter(), tenant: "c", "y|||raw").grant!
        fleet.accept(other, taken)
        let lease = fleet.enqueue(g, fleet.newWaiter()).grant!.lease.description
        let waiter = fleet.newWaiter()
        fleet.enqueue(g, waiter, "y|||raw")
        let names = [
            "<w>": w.id, "<g>": g.id, "<lease>": lease, "<waiter>": waiter,
            "<ghost>": String(repeating: "f", count: 32),
        ]
        func named(_ text: String) -> String { names.reduce(text) { $0.replacing($1.key, with: $1.value) } }
        var words = named(wrong.command).split(separator: " ").map(String.init)
        if words[0] == "HSET" {
            fleet.write(words[1], words[2...])
        } else {
            words[1] = prefix + words[1]
            if case .error(let text) = fleet.redis.command(words) { Issue.record("\(text)") }
        }
        let found = fleet.audit()
        let expected = "\(wrong.promise) \(named(wrong.item)) "
        #expect(found.contains { $0.hasPrefix(expected) }, "\(found)")
    }

    /// What was only so for a moment is no finding.
    @Test func aFindingThatIsNotFoundAgainDoesNotCount() throws {
        let g = fleet.gateway()
        let waiter = fleet.newWaiter()
        _ = fleet.worker(pools: ["x|||raw"], probedBy: g)
        fleet.enqueue(g, fleet.newWaiter())
        fleet.enqueue(g, waiter)
        fleet.redis("ZADD", prefix + "line", "1", String(repeating: "f", count: 32))
        let slice = try #require(fleet.auditSlice("line", ""))
        #expect(slice.findings.count == 1)
        fleet.redis("ZREM", prefix + "line", String(repeating: "f", count: 32))
        let second = try #require(fleet.auditSlice("item", slice.findings[0].item))
        var report = AuditReport()
        report.add(slice, of: "line")
        report.confirm(slice.findings[0], by: second)
        #expect(report.findings.isEmpty && report.looked == ["line": slice.looked])
        report.confirm(slice.findings[0], by: slice)
        report.confirm(slice.findings[0], by: slice)
        #expect(report.findings == slice.findings, "once")
    }

    /// More workers than Redis keeps in one piece, joining, leaving and renewing between the slices.
    @Test func nothingThatStaysIsSkippedWhileTheFleetChanges() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        func join(_ index: Int) -> Caller {
            let worker = Caller("worker", "w\(index)")
            fleet.register(worker, pools: ["x|||raw", "x|||raw"])
            return worker
        }
        var workers = (0..<200).map(join)
        let broken = stride(from: 0, to: 200, by: 20).map { workers[$0] }
        for worker in broken { fleet.redis("DEL", prefix + "slot:\(worker.id)/1") }
        var slices = 0
        let found = fleet.audit {
            slices += 1
            fleet.advance(milliseconds: 10)
            fleet.renew(g)
            workers.append(join(1_000 + slices))
            fleet.drain(workers[slices * 20 % 200 + 1], leave: true)
            for offset in 0..<20 { fleet.run("renew", workers[(slices * 7 + offset) % 200], ["0"]) }
        }
        #expect(slices > 5)
        for worker in broken {
            #expect(found.contains { $0.hasPrefix("S4 slot \(worker.id) 1 ") }, "\(worker.id)")
        }
        #expect(found.count == broken.count, "\(found)")
    }

    /// Waiters, too: they come, are served and leave while the line is looked at.
    @Test func aLineThatMovesIsSeenWhole() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        _ = fleet.worker(pools: ["y|||raw"], probedBy: g)
        fleet.cap(g, "*", 0, queueMax: 10_000)
        fleet.redis("HSET", prefix + "pools", "x|||raw", String(fleet.milliseconds))
        fleet.enqueueMany(g, 1_000) { "t\($0 % 300)" }
        let line = fleet.look().line
        let broken = stride(from: 0, to: 1_000, by: 100).map { line[$0] }
        for waiter in broken { fleet.write("waiter:\(waiter)", "score", "1") }
        var slices = 0
        let found = fleet.audit {
            slices += 1
            for offset in 1..<10 { fleet.cancel(g, line[(slices * 10 + offset) % 1_000 / 100 * 100 + offset]) }
            fleet.enqueueMany(g, 5) { "n\($0)" }
        }
        for waiter in broken { #expect(found.contains { $0.hasPrefix("S7 waiter \(waiter) \(g.id) ") }) }
        #expect(found.allSatisfy { $0.hasPrefix("S7 ") }, "\(found)")
    }

    /// A lease declared again above its tenant's cap is counted, and is no finding.
    @Test func leasesAboveTheCapAreCountedApart() throws {
        let g = fleet.gateway()
        let w = fleet.worker(pools: ["x|||raw", "x|||raw"], probedBy: g)
        fleet.cap(g, "a", 1)
        fleet.enqueue(g, fleet.newWaiter())
        let second = LeaseID(waiter: WaiterID(fleet.newWaiter())!, attempt: 1)
        fleet.renew(w, [fleet.row(1, "leased", Token(epoch: 1, number: 9), second, tenant: "a")])
        #expect(fleet.look().held["a"]?.count == 2)
        let slice = try #require(fleet.auditSlice("workers", ""))
        #expect(slice.overCap == 1 && slice.findings.isEmpty)
        #expect(slice.schema == String(QueueLimits.schema) && slice.epoch > 0)
    }
}
