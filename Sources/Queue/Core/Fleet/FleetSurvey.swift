/// Puts the slices of the script `survey` together.
///
/// A row may come twice, because Redis' scans promise no more. The later one counts.
public struct FleetSurvey: Sendable {
    /// The sections of the script, in its order.
    package static let sections = ["fleet", "settings", "gateways", "workers", "selectors", "usage", "line"]

    private var head = FleetView.Head()
    private var settings: [String: String] = [:]
    private var pools: Set<String> = []
    private var gateways: [String: FleetView.Gateway] = [:]
    private var workers: [String: FleetView.Worker] = [:]
    private var slots: [String: [Int: FleetView.Slot]] = [:]
    private var queues: [[String]: FleetView.Queue] = [:]
    private var asides: [String: FleetView.Aside] = [:]
    private var uses: [String: Use] = [:]
    private var line: [String: FleetView.Waiter] = [:]

    public init() {}

    /// Adds a row of a slice. A row of an unknown kind or form is left out.
    public mutating func add(_ row: [String]) {
        guard let kind = row.first else { return }
        let words = Array(row.dropFirst())
        switch (kind, words.count) {
        case ("fleet", 9):
            head = FleetView.Head(
                schema: words[0], epoch: Int64(words[1]) ?? 0, isRecovering: words[2] == "1",
                graceMilliseconds: Int(words[3]) ?? 0, waiting: Int(words[4]) ?? 0, todo: Int(words[5]) ?? 0,
                atMilliseconds: Int64(words[6]) ?? 0, oldestMilliseconds: milliseconds(words[7]),
                tokens: Int64(words[8]) ?? 0)
        case ("setting", 2): settings[words[0]] = words[1]
        case ("pool", 1): pools.insert(words[0])
        case ("gateway", 4):
            gateways[words[0]] = FleetView.Gateway(
                id: words[0], waiters: Int(words[1]) ?? 0, aside: Int(words[2]) ?? 0, suspension: words[3])
        case ("aside", 4):
            asides[words[0]] = FleetView.Aside(tenant: words[1], pools: names(words[3]))
        case ("worker", 11):
            workers[words[0]] = FleetView.Worker(
                id: words[0], address: words[1], state: words[2], isDraining: words[3] == "1", trouble: words[4],
                dueMilliseconds: Int64(words[5]) ?? 0, backoffMilliseconds: Int(words[6]) ?? 0,
                sessionsMax: Int(words[7]) ?? 0, sessionsServed: Int(words[8]) ?? 0,
                startedMilliseconds: Int64(words[9]), version: words[10])
        case ("slot", 10):
            guard let number = Int(words[1]), let state = SlotState(rawValue: words[2]) else { return }
            slots[words[0], default: [:]][number] = FleetView.Slot(
                number: number, state: state, pool: words[3], lease: words[4] == "-" ? "" : words[4], tenant: words[5],
                leaseState: words[6], waiter: words[7], run: words[8], sinceMilliseconds: Int64(words[9]))
        case ("queue", 6):
            queues[[words[0], words[2]]] = FleetView.Queue(
                selector: words[0], pools: names(words[1]), tenant: words[2], count: Int(words[3]) ?? 0,
                score: Int64(words[4]) ?? 0, oldestMilliseconds: milliseconds(words[5]) ?? 0)
        case ("use", 2): uses[words[0]] = Use(words: words[1])
        case ("waiter", 7):
            line[words[0]] = FleetView.Waiter(
                id: words[0], tenant: words[1], selector: words[2], ticket: Int64(words[3]) ?? 0,
                score: Int64(words[4]) ?? 0, run: words[5], gateway: words[6])
        default: return
        }
    }

    /// All rows so far, in a fixed order.
    public var view: FleetView {
        var view = FleetView()
        view.head = head
        view.settings = settings
        view.pools = pools.sorted()
        view.gateways = gateways.values.sorted { $0.id < $1.id }
        view.workers = workers.values.sorted { $0.id < $1.id }.map { worker in
            var worker = worker
            worker.slots = (slots[worker.id] ?? [:]).values.sorted { $0.number < $1.number }
            return worker
        }
        view.queues = queues.values.sorted { ($0.score, $0.selector, $0.tenant) < ($1.score, $1.selector, $1.tenant) }
        view.asides = asides.sorted { $0.key < $1.key }.map(\.value)
        view.uses = uses
        view.line = line.values.sorted { ($0.score, $0.id) < ($1.score, $1.id) }
        return view
    }

    private func names(_ words: String) -> [String] { words.split(separator: " ").map(String.init) }

    /// A ticket, microseconds, as milliseconds.
    private func milliseconds(_ ticket: String) -> Int64? { Int64(ticket).map { $0 / 1_000 } }
}
