import EventLoop
import Glibc
import QueueCore
import TestSupport
import Testing

/// What processes may ask at any time, drawn from a seed, and answered by what Redis has.
private struct Crowd {
    let fleet: Fleet
    private var dice: SplitMix64
    private(set) var gateways: [Caller]
    let worker: Caller
    private var ears: [Subscriber]
    private var names = 0

    init(_ fleet: Fleet, seed: UInt64) {
        self.fleet = fleet
        dice = SplitMix64(state: seed)
        gateways = [fleet.gateway("g"), fleet.gateway("h")]
        worker = fleet.worker("w", pools: ["x|||raw", "x|||raw", "y|||raw"], probedBy: gateways[0])
        ears = []
        listen()
        fleet.cap(gateways[0], "a", 2)
    }

    mutating func listen() { ears = gateways.map { fleet.listen($0) } }

    var callers: [Caller] { gateways + [worker] }

    mutating func below(_ bound: Int) -> Int { dice.below(bound) }

    mutating func act(_ times: Int) {
        for _ in 0..<times { act() }
    }

    private mutating func act() {
        fleet.advance(milliseconds: dice.below(300))
        let gateway = dice.pick(gateways)
        let look = fleet.look()
        let waiter = look.waiters.keys.sorted().randomElement(using: &dice)
        switch dice.below(20) {
        case 0...6: enqueue(gateway)
        case 7: if let waiter { fleet.cancel(gateway, waiter) }
        case 8: fleet.collect(gateway)
        case 9: fleet.sweep(gateway)
        case 10: fleet.finish(gateway, "run", "r\(dice.below(2))", tenant: dice.pick(["a", "b"]))
        case 11: for caller in callers where caller.kind == "gateway" { fleet.renew(caller) }
        case 12 where dice.chance(30): leave()
        case 13: fleet.cap(gateway, "a", 1 + dice.below(3))
        default: slot(dice.below(3), look, gateway)
        }
    }

    private mutating func enqueue(_ gateway: Caller) {
        names += 1
        fleet.enqueue(
            gateway, fleet.newWaiter(), tenant: dice.pick(["a", "b", "c"]),
            dice.pick(["x|||raw", "y|||raw", "|||raw"]),
            run: dice.pick(["", "r0", "r1"]), wait: !dice.chance(10), alias: dice.chance(30) ? "n\(names)" : "",
            keep: dice.pick([0, 0, 60]))
    }

    /// The next step of a slot's turn.
    private mutating func slot(_ index: Int, _ look: Look, _ gateway: Caller) {
        guard let slot = look.slots[worker.id]?[index] else { return }
        let token = Token(epoch: Int64(slot.epoch), number: Int64(slot.number))
        guard slot.state == "leased", let lease = LeaseID(slot.lease) else {
            if slot.state == "recycling" { fleet.ready(worker, slot: index, token) }
            return
        }
        let grant = Grant(
            lease: lease, worker: ProcessID(worker.id)!, slot: index, address: "-", pool: slot.pool, token: token)
        switch dice.below(12) {
        case 0...3: fleet.accept(worker, grant)
        case 4...7: fleet.release(worker, grant)
        case 8: fleet.reject(byWorker: worker, grant, .failed)
        case 9: fleet.reserve(gateway, grant)
        case 10: fleet.keep(worker, grant)
        default: fleet.attach(gateway, lease)
        }
    }

    /// A gateway ends and another one begins.
    private mutating func leave() {
        names += 1
        let index = dice.below(2)
        fleet.drain(gateways[index], leave: true)
        gateways[index] = fleet.gateway("g\(names)")
        ears[index] = fleet.listen(gateways[index])
    }
}

/// Redis restarts from an append-only file that ends within a transaction, and leaves what it has of it in the file. At
/// the restart after that it executes this half, in the middle of all that was written since (mended in Valkey by its
/// pull request 4342). Renews, collects and sweeps must heal what comes of it. `BERTH_TORN_TAILS=n` draws n of them.
@Suite(.enabled(if: RedisVariant.wanted != .cluster, "the nodes of a cluster keep no file")) struct TornTailTests {
    private static let seeds = Array(
        1...UInt64(Sample.count("BERTH_TORN_TAILS", sample: 4, whole: 200)))

    @Test(arguments: seeds) func aHalfCommitThatComesLateHeals(seed: UInt64) throws {
        let redis = TestRedis(options: [
            "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0",
        ])
        let folder = String(redis.path.dropLast("redis.sock".count)) + "appendonlydir/"
        let file = folder + (try #require(Files.entries(folder).first { $0.hasSuffix(".incr.aof") }))
        func size() throws -> Int { try #require(Files.readBytes(file, bytesMax: 1 << 26)).count }
        let fleet = Fleet(redis: redis)
        fleet.auditsEachStep = false
        var crowd = Crowd(fleet, seed: seed)
        func restart(losing bytes: Int = 0) throws {
            let left = off_t(try size() - bytes)
            redis.restart { #expect(truncate(file, left) == 0) }
            // The clock goes on where it stands.
            fleet.load()
            crowd.listen()
        }
        crowd.act(20 + crowd.below(40))

        let before = try size()
        let known = crowd.callers.map { ($0, $0.history) }
        crowd.act(1)
        let whole = try size()
        // The reply was lost with it, or else the loss is seen.
        if seed % 3 != 0 { for (caller, history) in known { caller.history = history } }
        try restart(losing: crowd.below(max(1, whole - before)))
        crowd.act(crowd.below(40))
        try restart()

        let sweeper = fleet.gateway("sweeper")
        let ear = fleet.listen(sweeper)
        fleet.heal(30, crowd.callers + [sweeper])
        let (findings, look) = fleet.auditAndLook()
        #expect(findings + look.findings == [], "what lives")
        fleet.live(95, [sweeper])
        let (left, end) = fleet.auditAndLook()
        #expect(left + end.findings == [] && end.waiters.isEmpty && end.held.isEmpty, "what is left")
        _ = ear
    }
}
