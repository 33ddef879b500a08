import EventLoop
import Glibc
import QueueCore
import TestSupport
import Testing

@testable import Queue

/// A gateway's and a worker's side on a real Redis, in one loop.
@Suite struct QueueClientTests {
    @Test func aFreedSlotWakesTheNextWaiter() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let first = fleet.enqueue()
        let second = fleet.enqueue()
        fleet.wait { fleet.gateway.grants[first] != nil && fleet.gateway.tickets[second] != nil }
        #expect(fleet.gateway.grants[second] == nil)
        let grant = try #require(fleet.gateway.grants[first])
        #expect(fleet.accept(grant) == .accepted())
        fleet.registry.release(grant.lease, slot: grant.slot, token: grant.token)
        fleet.registry.ready(slot: grant.slot, token: grant.token)
        fleet.wait { fleet.gateway.grants[second] != nil }
        let next = try #require(fleet.gateway.grants[second])
        #expect(next.token > grant.token)
        #expect(fleet.audit() == [])
    }

    @Test func aCancelNeverOvertakesItsEnqueue() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let holder = fleet.enqueue()
        fleet.wait { fleet.gateway.grants[holder] != nil }
        let waiter = fleet.enqueue()
        var cancelled = false
        fleet.client.cancel(waiter, tenant: "acme", lease: nil, dialed: false) { cancelled = true }
        fleet.wait { cancelled }
        #expect(fleet.view().head.waiting == 0)
        #expect(fleet.audit() == [])
    }

    /// Redis is away; half of those who come leave before it is back.
    @Test func redisNeverHearsOfAClientThatLeftBeforeItsEnqueueWasSent() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let holder = fleet.enqueue()
        fleet.wait { fleet.gateway.grants[holder] != nil }
        fleet.server.pause()
        fleet.wait { fleet.gateway.notices.contains { $0.hasPrefix("Redis is away") } }
        var cancelled = 0
        let waiters = (0..<400).map { _ in fleet.enqueue() }
        for waiter in waiters.prefix(200) {
            fleet.client.cancel(waiter, tenant: "acme", lease: nil, dialed: false) { cancelled += 1 }
        }
        #expect(cancelled == 0, "never from inside the call")
        fleet.wait { cancelled == 200 }
        #expect(fleet.gateway.takenBack == Array(waiters.prefix(200)))
        fleet.server.resume()
        fleet.wait { waiters.dropFirst(200).allSatisfy { fleet.gateway.tickets[$0] != nil } }
        #expect(waiters.prefix(200).allSatisfy { fleet.gateway.tickets[$0] == nil })
        #expect(fleet.view().head.waiting == 200)
        #expect(fleet.audit() == [])
    }

    @Test func anUnansweredEnqueueIsAskedAgainAfterAnOutage() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        fleet.server.pause()
        let waiter = fleet.enqueue()
        fleet.wait { fleet.gateway.notices.contains { $0.hasPrefix("Redis is away") } }
        fleet.server.resume()
        fleet.wait { fleet.gateway.grants[waiter] != nil }
        #expect(fleet.gateway.grants[waiter]?.lease.attempt == 1, "asked twice, granted once")
        #expect(fleet.audit() == [])
    }

    @Test func aWaiterComesBackWithItsTicketWhenRedisLostEverything() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let holder = fleet.enqueue()
        fleet.wait { fleet.gateway.grants[holder] != nil }
        let grant = try #require(fleet.gateway.grants[holder])
        #expect(fleet.accept(grant) == .accepted())
        fleet.worker.rows = [SlotRow(slot: 0, state: .leased, lease: grant.lease, token: grant.token)]
        let waiter = fleet.enqueue()
        fleet.wait { fleet.gateway.tickets[waiter] != nil }
        let ticket = try #require(fleet.gateway.tickets[waiter])
        fleet.server.kill()
        try fleet.server.start()
        fleet.wait { fleet.gateway.registeredAnew == 1 }
        let again = fleet.enqueue(ticket: ticket)
        fleet.wait { fleet.gateway.tickets[again] != nil }
        #expect(fleet.gateway.tickets[again] == ticket)
        fleet.wait { fleet.slots(.leased) == 1 }
        #expect(
            fleet.view().slots.contains { $0.lease == grant.lease.description }, "the worker declared what it serves")
        #expect(fleet.view().head.isRecovering)
        #expect(fleet.audit() == [])
    }

    @Test func aWorkerSaysItsVersionAndTheBeginOfItsSessions() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let waiter = fleet.enqueue(run: "ci")
        fleet.wait { fleet.gateway.grants[waiter] != nil }
        let grant = try #require(fleet.gateway.grants[waiter])
        #expect(fleet.accept(grant) == .accepted())
        let view = fleet.view()
        let (worker, at) = (view.workers[0], view.head.atMilliseconds)
        #expect(worker.version == "1.2.3-test")
        let (start, begin) = (try #require(worker.startedMilliseconds), try #require(worker.slots[0].sinceMilliseconds))
        #expect(start <= begin && begin <= at && worker.slots[0].run == "ci")
        #expect(fleet.audit() == [])
    }

    @Test func aWaiterThatRedisLostAloneIsMissedAndOneTooManyIsCancelled() throws {
        let fleet = try LiveFleet(slots: 1)
        defer { fleet.end() }
        let holder = fleet.enqueue()
        fleet.wait { fleet.gateway.grants[holder] != nil }
        let (waiter, extra) = (fleet.enqueue(), fleet.enqueue())
        fleet.wait { fleet.gateway.tickets[waiter] != nil && fleet.gateway.tickets[extra] != nil }
        let lost = WaiterID(high: Crypto.randomUInt64(), low: 1)
        fleet.gateway.roll = [
            WaiterRoll.Entry(id: holder, standing: .deciding), WaiterRoll.Entry(id: waiter, standing: .waiting),
            WaiterRoll.Entry(id: lost, standing: .waiting),
        ]
        fleet.wait { fleet.gateway.lost == [lost] }
        fleet.wait { fleet.view().head.waiting == 1 }
        #expect(fleet.view().line.map(\.id) == [waiter.text])
        #expect(fleet.gateway.notices.contains("Redis lost 1 waiters: they are enqueued again"))
        #expect(fleet.audit() == [])
    }

    @Test func aWorkerThatLeavesTakesItsSlotsAlong() throws {
        let fleet = try LiveFleet(slots: 2)
        defer { fleet.end() }
        var left = false
        fleet.registry.stop { left = true }
        fleet.wait { left }
        #expect(fleet.view().workers.isEmpty)
        #expect(fleet.audit() == [])
    }
}

final class LiveFleet {
    let loop: Loop
    let server: RedisServer
    let client: QueueClient
    let registry: SlotRegistry
    let gateway = GatewayRecord()
    let worker: WorkerRecord
    private let inspector: Inspector

    init(slots: Int, server other: RedisServer? = nil, query: String = "") throws {
        loop = try Loop()
        server = try other ?? RedisServer(variant: .wanted)
        let endpoint = try server.endpoint(query)
        let label = try #require(Label("echo"))
        let pool = try #require(Pool(label: label, browser: "", version: "", slotProtocol: .raw))
        client = try #require(QueueClient(loop: loop, endpoint: endpoint, fleet: "test", node: "gateway"))
        registry = try #require(
            SlotRegistry(
                loop: loop, endpoint: endpoint, fleet: "test", node: "worker", address: "127.0.0.1:1", port: 1,
                pools: Array(repeating: pool, count: slots), version: "1.2.3-test"))
        worker = WorkerRecord(
            rows: (0..<slots).map { SlotRow(slot: $0, state: .free, lease: nil, token: .none) })
        inspector = Inspector(loop: loop, endpoint: endpoint, fleet: "test")
        client.delegate = gateway
        registry.delegate = worker
        client.start()
        registry.start()
        wait { self.gateway.available && self.worker.available && self.gateway.probes > 0 }
        wait { self.view().workers.map(\.state) == ["ok"] }
    }

    func enqueue(ticket: Int64? = nil, run: String = "", alias: String = "", keepSeconds: Int = 0) -> WaiterID {
        let waiter = WaiterID(high: Crypto.randomUInt64(), low: Crypto.randomUInt64())
        let request = EnqueueRequest(
            waiter: waiter, tenant: "acme", selector: Selector(pattern: "echo")!,
            headStartSeconds: 0, run: run, wait: true, ticket: ticket, attempt: 0, alias: alias,
            keepSeconds: keepSeconds)
        client.enqueue(request) { [gateway] reply in
            switch reply {
            case .queued(let ticket): gateway.tickets[waiter] = ticket
            case .granted(let ticket, let grant):
                gateway.tickets[waiter] = ticket
                gateway.grants[waiter] = grant
            case .refused(let refusal): gateway.refusals.append(refusal)
            case .gone(let why): gateway.ended[waiter] = why
            case .takenBack: gateway.takenBack.append(waiter)
            }
        }
        return waiter
    }

    func accept(_ grant: Grant) -> AcceptReply? {
        var reply: AcceptReply?
        registry.accept(grant.lease, slot: grant.slot, token: grant.token) { reply = $0 }
        wait { reply != nil }
        return reply
    }

    func view() -> FleetView {
        var view: FleetView?
        inspector.fleet(waiters: 10) { view = (try? $0.get()) ?? FleetView() }
        wait { view != nil }
        return view ?? FleetView()
    }

    func slots(_ state: SlotState) -> Int { view().slots.count { $0.state == state } }

    func audit() -> [String] {
        var findings: [String]?
        inspector.audit { findings = (try? $0.get())?.findings.map(\.description) ?? ["no answer"] }
        wait { findings != nil }
        return findings ?? []
    }

    func wait(_ condition: () -> Bool, at location: SourceLocation = #_sourceLocation) {
        let cameTrue = loop.run(until: condition, timeoutMilliseconds: 20_000)
        #expect(cameTrue, "came true in 20 s", sourceLocation: location)
    }

    func end() {
        inspector.close()
        var ended = 0
        client.stop { ended += 1 }
        registry.stop { ended += 1 }
        wait { ended == 2 }
        let closed = loop.close()
        #expect(closed, "no handle is left")
        server.end()
    }
}

final class GatewayRecord: QueueClientDelegate {
    var grants: [WaiterID: Grant] = [:]
    var tickets: [WaiterID: Int64] = [:]
    var refusals: [QueueRefusal] = []
    var takenBack: [WaiterID] = []
    var notices: [String] = []
    var ended: [WaiterID: EndReason] = [:]
    var probes = 0
    var registeredAnew = 0
    var roll: [WaiterRoll.Entry]?
    var lost: [WaiterID] = []
    var available = false

    func queueClient(_ client: QueueClient, ended waiter: WaiterID, why: EndReason) { ended[waiter] = why }
    func queueClient(_ client: QueueClient, granted grant: Grant) { grants[grant.lease.waiter] = grant }
    func queueClient(_ client: QueueClient, probe worker: ProcessID, address: String) {
        probes += 1
        client.probed(worker, passed: true)
    }
    func queueClientRegisteredAnew(_ client: QueueClient) { registeredAnew += 1 }
    func queueClientRoll(_ client: QueueClient) -> [WaiterRoll.Entry]? { roll }
    func queueClient(_ client: QueueClient, lost waiters: [WaiterID]) {
        lost += waiters
        roll?.removeAll { waiters.contains($0.id) }
    }
    func queueClient(_ client: QueueClient, available: Bool) { self.available = available }
    func queueClient(_ client: QueueClient, notice: String) { notices.append(notice) }
}

final class WorkerRecord: SlotRegistryDelegate {
    var rows: [SlotRow]
    var available = false
    var closed: [LeaseID] = []
    var drains = 0
    var obeysDrains = true

    init(rows: [SlotRow]) { self.rows = rows }

    func slotRegistryTrouble(_ registry: SlotRegistry) -> String { "" }

    func slotRegistryRows(_ registry: SlotRegistry) -> [SlotRow] { rows }
    func slotRegistry(_ registry: SlotRegistry, close lease: LeaseID, reason: String) { closed.append(lease) }
    func slotRegistry(_ registry: SlotRegistry, recycle slot: Int, token: Token) {
        registry.ready(slot: slot, token: token)
    }
    func slotRegistryLicenceOver(_ registry: SlotRegistry) {}
    func slotRegistryDrain(_ registry: SlotRegistry) {
        drains += 1
        if obeysDrains { registry.drain() }
    }
    func slotRegistrySuperseded(_ registry: SlotRegistry) {}
    func slotRegistry(_ registry: SlotRegistry, available: Bool) { self.available = available }
    func slotRegistry(_ registry: SlotRegistry, notice: String) {}
}
