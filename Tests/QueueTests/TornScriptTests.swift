import QueueCore
import TestSupport
import Testing

/// A fleet at work. Of tenant `a`, whose cap is 2, one is served, one granted, two wait; of `b` two are set aside, for
/// nobody hears their gateway.
private struct Scene {
    let fleet: Fleet
    let g: Caller
    let deaf: Caller
    let w: Caller
    let served: Grant
    let granted: Grant
    let waiting: String
    private let ear: Subscriber

    init(_ fleet: Fleet) {
        self.fleet = fleet
        fleet.auditsEachStep = false
        fleet.begin()
        g = fleet.gateway("g")
        ear = fleet.listen(g)
        deaf = fleet.gateway("deaf")
        w = fleet.worker("w", pools: ["x|||raw", "x|||raw", "y|||raw"], probedBy: g)
        fleet.cap(g, "a", 2)
        served = fleet.enqueue(g, fleet.newWaiter(), run: "r", alias: "one", keep: 60).grant!
        fleet.accept(w, served)
        granted = fleet.enqueue(g, fleet.newWaiter(), run: "r").grant!
        waiting = fleet.newWaiter()
        fleet.enqueue(g, waiting, run: "r", alias: "two")
        fleet.enqueue(g, fleet.newWaiter(), "|||raw")
        let first = fleet.enqueue(deaf, fleet.newWaiter(), tenant: "b", "y|||raw").grant!
        for _ in 0..<2 { fleet.enqueue(deaf, fleet.newWaiter(), tenant: "b", "y|||raw", run: "s") }
        fleet.release(w, first)
        fleet.ready(w, first)
        let unheard = slot(2)
        fleet.reject(byWorker: w, unheard, .failed)
        fleet.ready(w, unheard)
    }

    /// The grant at a slot of the worker.
    func slot(_ index: Int) -> Grant {
        let slot = fleet.look().slots[w.id]![index]
        return Grant(
            lease: LeaseID(slot.lease)!, worker: ProcessID(w.id)!, slot: index, address: "-", pool: slot.pool,
            token: Token(epoch: Int64(slot.epoch), number: Int64(slot.number)))
    }

    func lend() {
        fleet.reserve(g, granted)
    }

    /// What the worker says of its slots; `served` is over where it says so.
    func rows(served state: String) -> [String] {
        let words =
            state == "recycling"
            ? fleet.row(0, state, served.token)
            : fleet.row(0, state, served.token, served.lease, keep: 60, run: "r")
        return [words, fleet.row(1, "leased", granted.token, granted.lease, tenant: "a"), fleet.row(2, "free")]
    }

    /// Seconds without a word from some processes.
    func silence(_ seconds: Int, but callers: [Caller]) {
        for _ in 0..<seconds - 1 { fleet.live(1, callers) }
        fleet.advance(milliseconds: 1_000)
    }
}

/// Each script dies at each of its writes. Renews, collects and sweeps heal what that left: nothing is found, nobody is lost
/// whom the whole call would not have ended, and no session's place opens. `BERTH_TEAR_EACH=1`: at each write, not one of 24.
@Suite struct TornScriptTests {
    private typealias Once = (() -> Void) -> Void
    private typealias Make = @Sendable (Scene, Fleet, Once) -> Void
    private static let calls: [(name: String, make: Make)] = [
        ("register a gateway", { _, fleet, once in once { fleet.register(Caller("gateway", "new")) } }),
        (
            "register a worker",
            { _, fleet, once in once { fleet.register(Caller("worker", "new"), pools: ["x|||raw", "z|||raw"]) } }
        ),
        (
            "register anew",
            { s, fleet, once in
                let newer = Caller("worker", "w", generation: 2)
                once { fleet.register(newer, address: "w:1", pools: ["x|||raw", "q|||raw"]) }
            }
        ),
        (
            "enqueue",
            { s, fleet, once in
                once { fleet.enqueue(s.g, fleet.newWaiter(), tenant: "c", run: "r", alias: "three", keep: 9) }
            }
        ),
        (
            "enqueue in a new selector",
            { s, fleet, once in once { fleet.enqueue(s.g, fleet.newWaiter(), tenant: "c", "*|||raw") } }
        ),
        (
            "enqueue and grant",
            { s, fleet, once in
                once {
                    fleet.enqueue(s.g, fleet.newWaiter(), tenant: "c", "y|||raw", run: "r", alias: "three", keep: 9)
                }
            }
        ),
        ("enqueue and not wait", { s, fleet, once in once { fleet.enqueue(s.g, fleet.newWaiter(), wait: false) } }),
        (
            "enqueue over an alias",
            { s, fleet, once in
                fleet.enqueue(s.deaf, fleet.newWaiter(), tenant: "a", alias: "three")
                once { fleet.enqueue(s.g, fleet.newWaiter(), tenant: "a", alias: "three") }
            }
        ),
        ("cancel who waits", { s, fleet, once in once { fleet.cancel(s.g, s.waiting) } }),
        ("cancel who was granted", { s, fleet, once in once { fleet.cancel(s.g, s.granted.lease.waiter.text) } }),
        ("collect", { s, fleet, once in once { fleet.collect(s.g, [s.granted.lease.description]) } }),
        ("collect after a suspension", { s, fleet, once in once { fleet.collect(s.deaf) } }),
        (
            "collect an end",
            { s, fleet, once in
                fleet.finish(s.g, "waiter", s.waiting)
                once { fleet.collect(s.g, ["ended:\(s.waiting):request"]) }
            }
        ),
        ("accept", { s, fleet, once in once { fleet.accept(s.w, s.granted) } }),
        ("release", { s, fleet, once in once { fleet.release(s.w, s.served) } }),
        (
            "ready",
            { s, fleet, once in
                fleet.release(s.w, s.served)
                once { fleet.ready(s.w, s.served) }
            }
        ),
        ("reject: unreachable", { s, fleet, once in once { fleet.reject(s.g, s.granted, .unreachable) } }),
        ("reject: local", { s, fleet, once in once { fleet.reject(s.g, s.granted, .local) } }),
        (
            "reject for good",
            { s, fleet, once in
                fleet.drain(s.w)
                once { fleet.reject(s.g, s.granted, .failed, final: true) }
            }
        ),
        ("reject by the worker", { s, fleet, once in once { fleet.reject(byWorker: s.w, s.granted, .gone) } }),
        ("reject what was accepted", { s, fleet, once in once { fleet.reject(byWorker: s.w, s.served, .failed) } }),
        (
            "reject: stale",
            { s, fleet, once in
                let last = Token(epoch: s.granted.token.epoch, number: 900)
                once { fleet.reject(byWorker: s.w, s.granted, .stale, slotFree: true, last: last) }
            }
        ),
        (
            "probed: failed",
            { s, fleet, once in
                fleet.reject(s.g, s.granted, .unreachable)
                once { fleet.probed(s.g, s.w, false) }
            }
        ),
        (
            "probed: passed",
            { s, fleet, once in
                fleet.reject(s.g, s.granted, .unreachable)
                fleet.probed(s.g, s.w, false)
                once { fleet.probed(s.g, s.w, true) }
            }
        ),
        ("drain", { s, fleet, once in once { fleet.drain(s.w) } }),
        ("a worker leaves", { s, fleet, once in once { fleet.drain(s.w, leave: true) } }),
        ("a gateway leaves", { s, fleet, once in once { fleet.drain(s.g, leave: true) } }),
        ("renew a gateway", { s, fleet, once in once { fleet.renew(s.g) } }),
        ("renew a worker", { s, fleet, once in once { fleet.renew(s.w, s.rows(served: "leased")) } }),
        ("renew with a lost release", { s, fleet, once in once { fleet.renew(s.w, s.rows(served: "recycling")) } }),
        ("renew with a kept one", { s, fleet, once in once { fleet.renew(s.w, s.rows(served: "kept")) } }),
        (
            "renew with what Redis lacks",
            { s, fleet, once in
                fleet.reject(byWorker: s.w, s.granted, .failed)
                let token = Token(epoch: s.granted.token.epoch, number: 900)
                let rows = [fleet.row(1, "leased", token, s.granted.lease, tenant: "a", keep: 0, run: "r")]
                once { fleet.renew(s.w, rows) }
            }
        ),
        ("settings: a cap raised", { s, fleet, once in once { fleet.cap(s.g, "a", 9) } }),
        ("settings: a cap lowered", { s, fleet, once in once { fleet.cap(s.g, "a", 1) } }),
        ("settings: defaults", { s, fleet, once in once { fleet.cap(s.g, "*", 1) } }),
        ("settings: policy", { s, fleet, once in once { fleet.order("policy", "fair") } }),
        (
            "settings: resume",
            { s, fleet, once in
                fleet.order("pause:y", "1")
                once { fleet.order("pause:y", "-") }
            }
        ),
        ("settings: from zero", { s, fleet, once in once { fleet.order("zero:z", "1") } }),
        (
            "sweep: a grant is over",
            { s, fleet, once in
                s.silence(5, but: [s.g, s.deaf, s.w])
                once { fleet.sweep(s.deaf) }
            }
        ),
        (
            "sweep: a gateway is over",
            { s, fleet, once in
                s.silence(10, but: [s.g, s.w])
                once { fleet.sweep(s.g) }
            }
        ),
        (
            "sweep: a worker is over",
            { s, fleet, once in
                s.silence(10, but: [s.g, s.deaf])
                once { fleet.sweep(s.g) }
            }
        ),
        ("finish a waiter", { s, fleet, once in once { fleet.finish(s.g, "waiter", s.waiting) } }),
        ("finish a session", { s, fleet, once in once { fleet.finish(s.g, "lease", s.served.lease.description) } }),
        ("finish a run", { s, fleet, once in once { fleet.finish(s.g, "run", "r") } }),
        ("finish a tenant", { s, fleet, once in once { fleet.finish(s.g, "tenant", "") } }),
        ("finish those set aside", { s, fleet, once in once { fleet.finish(s.g, "tenant", "", tenant: "b") } }),
        ("reserve", { s, fleet, once in once { fleet.reserve(s.g, s.granted) } }),
        (
            "attach",
            { s, fleet, once in
                s.lend()
                once { fleet.attach(s.g, s.granted.lease) }
            }
        ),
        (
            "accept what was lent",
            { s, fleet, once in
                s.lend()
                fleet.attach(s.g, s.granted.lease)
                once { fleet.accept(s.w, s.granted) }
            }
        ),
        (
            "reject what was lent",
            { s, fleet, once in
                s.lend()
                fleet.attach(s.g, s.granted.lease)
                once { fleet.reject(s.g, s.granted, .failed) }
            }
        ),
        (
            "finish what was lent",
            { s, fleet, once in
                s.lend()
                once { fleet.finish(s.g, "lease", s.granted.lease.description) }
            }
        ),
        ("keep", { s, fleet, once in once { fleet.keep(s.w, s.served) } }),
        (
            "finish what is kept",
            { s, fleet, once in
                fleet.keep(s.w, s.served)
                once { fleet.finish(s.g, "lease", s.served.lease.description) }
            }
        ),
        (
            "sweep: what was lent is over",
            { s, fleet, once in
                s.lend()
                s.silence(30, but: [s.g, s.deaf, s.w])
                once { fleet.sweep(s.g) }
            }
        ),
    ]

    private static let isWhole = Sample.isWhole || Sample.text("BERTH_TEAR_EACH") != nil

    let fleet = Fleet()

    /// Seconds within which each key of this small fleet is compared (promises.md, L9).
    private static let bound = 20

    /// Makes a call die at its write number `write` (0: the call does not die), and lets `bound` seconds pass. Returns the
    /// fleet before the call, the fleet at the end, the findings at the end, and whether the call died.
    private func run(_ call: Make, dyingAt write: Int) -> (Look, Look, [String], died: Bool) {
        let scene = Scene(fleet)
        var (before, died) = (Look([]), false)
        call(scene, fleet) { make in
            before = fleet.look()
            fleet.dying(at: write, make)
            died = fleet.hasDied
        }
        fleet.heal(Self.bound, [scene.g, scene.w, fleet.gateway("sweeper")], deaf: [scene.deaf])
        let (findings, after) = fleet.auditAndLook()
        return (before, after, findings + after.findings, died)
    }

    @Test func whatDiesBeforeItsFirstWriteHasChangedNothing() {
        fleet.loadDying()
        for (name, make) in Self.calls {
            make(Scene(fleet), fleet) { call in
                let before = fleet.snapshot()
                fleet.dying(at: 1, call)
                #expect(fleet.hasDied && fleet.snapshot() == before, "\(name)")
            }
        }
    }

    /// Commands fail at such a key. The next sweep goes on behind the key, and repairs the other keys.
    @Test func aKeyOfAnotherTypeEndsNoSweepAndNoGrant() {
        let scene = Scene(fleet)
        let prefix = fleet.keys.prefix
        fleet.redis("SET", prefix + "queue:x|||raw:stranger", "theirs")
        fleet.redis("DEL", prefix + "line")
        fleet.redis("SREM", prefix + "tenant:a:held", "\(scene.w.id)/0")
        fleet.redis("SADD", prefix + "zeros", "stranger")
        fleet.heal(Self.bound, [scene.g, scene.w], deaf: [scene.deaf])
        #expect(fleet.redis("ZRANGE", prefix + "line", "0", "-1").strings.contains(scene.waiting))
        #expect(fleet.redis("SISMEMBER", prefix + "tenant:a:held", "\(scene.w.id)/0").string == "1")
        #expect(fleet.redis("EXISTS", prefix + "zeros").string == "0", "only a sweep finds this one")
        fleet.release(scene.w, scene.served)
        fleet.ready(scene.w, scene.served)
        #expect(fleet.enqueue(scene.g, fleet.newWaiter(), tenant: "d").status == "granted")
        let last = fleet.sweep(scene.g)
        #expect(last.status == "ok" && !last.moreToDo)
        #expect(fleet.redis("GET", prefix + "queue:x|||raw:stranger").string == "theirs")
    }

    @Test func grantsGoOnBeforeItHeals() {
        fleet.loadDying()
        let scene = Scene(fleet)
        fleet.dying(at: 3) { fleet.enqueue(scene.g, fleet.newWaiter(), tenant: "c") }
        #expect(fleet.hasDied)
        _ = fleet.worker("fresh", pools: ["z|||raw"], probedBy: scene.g)
        #expect(fleet.enqueue(scene.g, fleet.newWaiter(), tenant: "d", "z|||raw").status == "granted")
    }

    /// A place in a tenant's set for no lease counts against its cap until a renew of its waiters' gateway deletes the place.
    @Test func aWaiterIsServedThatALeaseWhichIsNoneHeldBack() {
        fleet.auditsEachStep = false
        let g = fleet.gateway()
        let ear = fleet.listen(g)
        let tenants = (0..<120).map { "t\($0)" }
        let w = fleet.worker(pools: tenants.map { _ in "x|||raw" }, probedBy: g)
        for tenant in tenants {
            fleet.cap(g, tenant, 1)
            fleet.redis("SADD", fleet.keys.prefix + "tenant:\(tenant):held", "nowhere.1/0")
            #expect(fleet.enqueue(g, fleet.newWaiter(), tenant: tenant).status == "queued")
        }
        fleet.heal(Self.bound, [g, w])
        #expect(fleet.look().waiters.values.map(\.state) == tenants.map { _ in "accepted" })
        #expect(fleet.findings() == [])
        _ = ear
    }

    /// A sweep takes items of `todo` before it works on them. If it dies, the next sweep works on them, once.
    @Test func anItemOfADeadSweepIsDoneASecondTimeAndNotAThird() {
        let g = fleet.gateway()
        let (todo, doing) = (fleet.keys.prefix + "todo", fleet.keys.prefix + "doing")
        fleet.redis("SADD", doing, "pool:x|||raw", "again:pool:y|||raw")
        fleet.auditsEachStep = false
        fleet.loadDying()
        fleet.advance(milliseconds: 1_000)
        var (seen, write) = (Set<String>(), 0)
        repeat {
            write += 1
            fleet.dying(at: write) { fleet.sweep(g) }
            seen.formUnion(fleet.redis("SMEMBERS", todo).strings + fleet.redis("SMEMBERS", doing).strings)
        } while fleet.hasDied && write < 300
        #expect(!fleet.hasDied && seen.contains("again:pool:x|||raw"))
        for _ in 0..<3 { fleet.sweep(g) }
        #expect(fleet.redis("EXISTS", todo, doing).string == "0")
    }

    @Test(arguments: calls.map(\.name)) func whatACallThatDiedLeftHeals(_ name: String) {
        let make = Self.calls.first { $0.name == name }!.make
        fleet.loadDying()
        let whole = run(make, dyingAt: 0)
        #expect(whole.2 == [] && !whole.died)
        let ended = Set(whole.0.waiters.keys).subtracting(whole.1.waiters.keys)
        let freed = Set(whole.0.held.values.joined()).subtracting(whole.1.held.values.joined())
        let step = Self.isWhole ? 1 : 24
        let first = 1 + Self.calls.firstIndex { $0.name == name }! % step
        for write in stride(from: first, to: 300, by: step) {
            let torn = run(make, dyingAt: write)
            #expect(torn.2 == [], "\(name), write \(write)")
            let lost = Set(torn.0.waiters.keys).subtracting(torn.1.waiters.keys)
            #expect(lost.isSubset(of: ended), "\(name), write \(write)")
            let opened = Set(torn.0.held.values.joined()).subtracting(torn.1.held.values.joined())
            #expect(opened.isSubset(of: freed), "\(name), write \(write)")
            if !torn.died { break }
        }
    }
}
