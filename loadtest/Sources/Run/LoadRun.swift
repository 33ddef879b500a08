import EventLoop
import Glibc
import LoadTestCore

/// One run of a scenario: lets clients arrive at their times, on one loop, and records what they see.
final class LoadRun {
    /// After the last arrival, sessions have this long to end.
    static let finishMilliseconds = 900_000
    private static let tickMilliseconds: UInt64 = 20
    /// Most connections that are being made. Beyond it clients are late: a loop that only connects would send no head,
    /// and a gateway drops connections without one.
    private static let diallingMax = 256

    let loop: Loop
    let tls: TLSContext?
    let scenario: Scenario
    private(set) var recorder: RunRecorder
    private(set) var isCut = false
    /// The time at which the run ended; 0 while it goes on.
    private(set) var endedAt = 0
    private let targets: [LoadTarget]
    private let began: Int
    /// One for each stream of arrivals, so that the streams do not depend on each other.
    private var randoms: [SeededRandom]
    private var clients: [Int: LoadClient] = [:]
    /// With more clients at a time, connections take long to make; nil once the user knows.
    private var clientsQuick: Int?
    private var holdsSlot: Set<Int> = []
    private var clientsMade = 0
    private var dialling: Set<Int> = []
    /// Clients whose time has come.
    private var late: [Arrival] = []
    private var lateFront = 0
    private var streamsLeft = 0
    private var timers: [Timer] = []
    private var onEnd: (() -> Void)?

    private struct Arrival {
        let tenant: Int
        let hold: Int
        let due: Int
        /// The stream that the client's next session comes from; nil if there is none.
        let again: Int?
    }

    init(
        loop: Loop, scenario: Scenario, targets: [LoadTarget], tls: TLSContext?, seed: UInt64,
        onEnd: @escaping () -> Void
    ) {
        (self.loop, self.scenario, self.targets, self.tls) = (loop, scenario, targets, tls)
        self.onEnd = onEnd
        var random = SeededRandom(seed: seed)
        randoms = scenario.streams.map { _ in SeededRandom(seed: random.next()) }
        began = LoadRun.clock()
        recorder = RunRecorder(scenario: scenario, now: 0)
        let addresses = Set(targets.map(\.address.description)).count
        clientsQuick = Machine.quickPorts.map { $0 * addresses }
    }

    /// Microseconds since the start.
    var now: Int { LoadRun.clock() - began }

    /// Connections of clients.
    var connections: Int { clients.count }

    /// How much of the run is over, by the time or by the sessions, from 0 to 1.
    var progress: Double {
        let last = scenario.durationMicroseconds
        let ended = recorder.outcomes.values.reduce(0, +)
        let byCount = Double(ended) / Double(max(recorder.arrivals, 1))
        return streamsLeft > 0 && last > 0 ? min(1, Double(now) / Double(last)) : byCount
    }

    func start() {
        streamsLeft = scenario.streams.count
        every(LoadRun.tickMilliseconds) { $0.recorder.tick(now: $0.now) }
        every(UInt64(RunRecorder.stepMilliseconds)) { $0.recorder.step() }
        for (index, stream) in scenario.streams.enumerated() {
            if case .closed(let count) = stream.model {
                for _ in 0..<count { arrive(drawn(index), of: index, due: 0, again: true) }
                at(scenario.durationMicroseconds) { $0.streamEnded() }
            } else {
                var times = ArrivalTimes(
                    stream.model, duration: scenario.durationMicroseconds,
                    random: SeededRandom(seed: randoms[index].next()))
                goOn(index, times: &times)
            }
        }
    }

    /// Ends the run before its time. Its result is void.
    func cut() {
        guard onEnd != nil else { return }
        isCut = true
        end()
    }

    /// Lets all clients arrive whose time has come, and sets a timer for the next one.
    private func goOn(_ stream: Int, times: inout ArrivalTimes) {
        while let due = times.next() {
            guard due > now else {
                arrive(drawn(stream), of: stream, due: due, again: false)
                continue
            }
            var rest = times
            return at(due) {
                $0.arrive($0.drawn(stream), of: stream, due: due, again: false)
                $0.goOn(stream, times: &rest)
            }
        }
        streamEnded()
    }

    private func streamEnded() {
        streamsLeft -= 1
        guard streamsLeft == 0 else { return }
        timers.append(loop.schedule(after: UInt64(LoadRun.finishMilliseconds)) { [weak self] in self?.cut() })
        endIfDone()
    }

    private func drawn(_ index: Int) -> Int {
        let stream = scenario.streams[index]
        guard stream.tenants.count > 1 else { return stream.tenants[0] }
        var left = randoms[index].unit() * stream.weights.reduce(0, +)
        for (tenant, weight) in zip(stream.tenants, stream.weights) {
            left -= weight
            if left < 0 { return tenant }
        }
        return stream.tenants[stream.tenants.count - 1]
    }

    /// - Parameter again: whether another session of the same client follows.
    private func arrive(_ tenant: Int, of stream: Int, due: Int, again: Bool) {
        let hold = scenario.tenants[tenant].hold.drawn(&randoms[stream])
        late.append(Arrival(tenant: tenant, hold: hold, due: due, again: again ? stream : nil))
        dialLate()
    }

    private func dialLate() {
        while dialling.count < LoadRun.diallingMax, lateFront < late.count {
            let next = late[lateFront]
            lateFront += 1
            dial(next)
        }
        guard lateFront == late.count else { return }
        late.removeAll(keepingCapacity: true)
        lateFront = 0
    }

    private func dialled(_ number: Int) {
        if dialling.remove(number) != nil { dialLate() }
    }

    private func dial(_ arrival: Arrival) {
        let tenant = scenario.tenants[arrival.tenant]
        let number = clientsMade
        clientsMade += 1
        dialling.insert(number)
        recorder.arrived(arrival.tenant, due: arrival.due, now: now)
        let session = ClientSession(
            due: arrival.due, now: now, hold: arrival.hold, patience: tenant.patienceMicroseconds,
            frames: tenant.frames, addresses: targets.count)
        // Clients take turns at the gateways.
        let first = number % targets.count
        let field = tenant.token.map { ("Authorization", "Bearer \($0)") } ?? ("x-berth-tenant", tenant.name)
        let plan = LoadClient.Plan(
            number: number, tenant: arrival.tenant, targets: Array(targets[first...] + targets[..<first]),
            fields: [field],
            readBytesASecond: tenant.readBytesASecond, again: arrival.again)
        clients[number] = LoadClient(plan, session: session, run: self)
        if let most = clientsQuick, clients.count > most {
            clientsQuick = nil
            ProgressLine.say(
                "over \(most) connections at once: Linux now takes long to find a port for each, so clients will be late. "
                    + "Give more addresses (--url), or widen net.ipv4.ip_local_port_range")
        }
    }

    func sent(_ client: LoadClient) {
        recorder.sent(client.plan.number, of: client.plan.tenant, now: now)
        dialled(client.plan.number)
    }

    func opened(_ client: LoadClient, waited: Int) {
        holdsSlot.insert(client.plan.number)
        recorder.opened(client.plan.number, of: client.plan.tenant, waited: waited, now: now)
    }

    func answered(_ client: LoadClient, microseconds: Int) {
        recorder.answered(client.plan.tenant, microseconds: microseconds)
    }

    func released(_ client: LoadClient) {
        holdsSlot.remove(client.plan.number)
        recorder.released(client.plan.tenant, wasServed: true, now: now)
    }

    func ended(_ client: LoadClient, _ outcome: ClientSession.Outcome) {
        let (number, tenant) = (client.plan.number, client.plan.tenant)
        clients[number] = nil
        if holdsSlot.remove(number) != nil {
            recorder.released(tenant, wasServed: false, now: now)
        } else if !client.hadSlot {
            recorder.left(number, of: tenant, waited: client.waited, now: now)
        }
        recorder.ended(outcome)
        dialled(number)
        let next = now + scenario.tenants[tenant].thinkMicroseconds
        if let stream = client.plan.again, next < scenario.durationMicroseconds, onEnd != nil {
            return at(next) { $0.arrive(tenant, of: stream, due: next, again: true) }
        }
        endIfDone()
    }

    private func endIfDone() {
        if streamsLeft == 0, clients.isEmpty, late.isEmpty { end() }
    }

    private func end() {
        guard let call = onEnd else { return }
        onEnd = nil
        endedAt = now
        recorder.tick(now: now)
        for timer in timers { timer.cancel() }
        for client in clients.values { client.cancel() }
        clients = [:]
        loop.afterThisTurn(call)
    }

    private func at(_ time: Int, _ body: @escaping (LoadRun) -> Void) {
        loop.schedule(after: UInt64(max(0, time - now + 999) / 1_000)) { [weak self] in
            if let self, onEnd != nil { body(self) }
        }
    }

    private func every(_ milliseconds: UInt64, _ body: @escaping (LoadRun) -> Void) {
        timers.append(
            loop.schedule(after: milliseconds, repeating: milliseconds) { [weak self] in
                if let self { body(self) }
            })
    }

    /// Memory of the system under test.
    func sampled(_ memory: Timeline.Memory) { recorder.sampled(memory) }

    private static func clock() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
    }
}
