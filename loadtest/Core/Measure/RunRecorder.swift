/// Everything a run measures. The driver reports what happens to sessions; times are microseconds.
public struct RunRecorder: Sendable {
    /// The length of a step of the timeline.
    public static let stepMilliseconds = 100
    /// More waits than this are thinned out evenly, because the result's file holds each one.
    private static let samplesMax = 20_000
    /// Steps over which the timeline's index of fairness is taken: one second.
    private static let fairnessSteps = 10
    /// Two heads that were sent closer to each other may arrive at two gateways in either order.
    private static let orderMicroseconds = 50_000

    public private(set) var book: SessionBook
    public private(set) var waits = Latencies()
    public private(set) var answers = Latencies()
    public private(set) var outcomes: [ClientSession.Outcome: Int] = [:]
    /// How much later than planned clients arrived, one value for each client.
    public private(set) var delays = Latencies()
    public var arrivals: Int { delays.count }
    public private(set) var timeline: Timeline
    private var waitsByTenant: [Latencies]
    private var answersByTenant: [Latencies]
    private var samples: [Int] = []
    private var sampleEvery = 1
    /// The waits of those that left without a slot.
    private var vainWaits = 0
    private var before: [SessionBook.Tenant]
    private var fairness: Double?
    private let groupOf: [Int]
    private let scenario: Scenario
    private let began: Int

    public init(scenario: Scenario, now: Int) {
        self.scenario = scenario
        began = now
        book = SessionBook(
            slots: scenario.slots, caps: scenario.tenants.map(\.cap), orderMicroseconds: RunRecorder.orderMicroseconds,
            now: now)
        before = book.tenants
        let groups = scenario.groups
        groupOf = scenario.tenants.map { groups.firstIndex(of: $0.group) ?? 0 }
        timeline = Timeline(stepMilliseconds: RunRecorder.stepMilliseconds, groups: groups)
        waitsByTenant = scenario.tenants.map { _ in Latencies(digits: .two) }
        answersByTenant = waitsByTenant
    }

    public mutating func arrived(_ tenant: Int, due: Int, now: Int) {
        delays.record(now - due)
        book.arrived(tenant, now: now)
    }

    public mutating func sent(_ session: Int, of tenant: Int, now: Int) { book.sent(session, of: tenant, now: now) }

    public mutating func opened(_ session: Int, of tenant: Int, waited: Int, now: Int) {
        book.opened(session, of: tenant, now: now)
        waits.record(waited)
        waitsByTenant[tenant].record(waited)
        guard waits.count % sampleEvery == 0 else { return }
        samples.append(waited)
        guard samples.count > RunRecorder.samplesMax else { return }
        samples = samples.indices.filter { $0 % 2 == 1 }.map { samples[$0] }
        sampleEvery *= 2
    }

    public mutating func answered(_ tenant: Int, microseconds: Int) {
        answers.record(microseconds)
        answersByTenant[tenant].record(microseconds)
    }

    public mutating func released(_ tenant: Int, wasServed: Bool, now: Int) {
        book.released(tenant, wasServed: wasServed, now: now)
    }

    public mutating func left(_ session: Int, of tenant: Int, waited: Int, now: Int) {
        book.left(session, of: tenant, now: now)
        vainWaits += waited
    }

    public mutating func ended(_ outcome: ClientSession.Outcome) { outcomes[outcome, default: 0] += 1 }

    public mutating func tick(now: Int) { book.tick(now: now) }

    /// Called at each step of the timeline.
    public mutating func step() {
        if (timeline.waiting.count + 1) % RunRecorder.fairnessSteps == 0 {
            fairness = Fairness.index(book.tenants, since: before, slots: scenario.slots)
            before = book.tenants
        }
        timeline.add(book, groupOf: groupOf, fairness: fairness)
    }

    public mutating func sampled(_ memory: Timeline.Memory) { timeline.memory.append(memory) }

    /// Returns the raw figures, for the checks and the result's file.
    ///
    /// - Parameter isCut: whether sessions had not ended when the time was up.
    public func figures(now: Int, isCut: Bool) -> RunFigures {
        RunFigures(
            seconds: Double(now - began) / 1e6, outcomes: outcomes, waits: waits, answers: answers, delays: delays,
            waitSum: waits.sum + vainWaits, book: book, scenario: scenario, waitsByTenant: waitsByTenant,
            answersByTenant: answersByTenant, samples: samples, timeline: timeline, isCut: isCut)
    }
}

/// The raw figures of a run that is over.
public struct RunFigures: Sendable {
    public let seconds: Double
    public let outcomes: [ClientSession.Outcome: Int]
    public let waits, answers, delays: Latencies
    /// The waits of all clients, from the time at which each was to arrive.
    let waitSum: Int
    let book: SessionBook
    let scenario: Scenario
    let waitsByTenant, answersByTenant: [Latencies]
    let samples: [Int]
    let timeline: Timeline
    let isCut: Bool
}
