import QueueCore

/// Whether somebody waits who should not, and why. A client should wait only if all slots that fit are in use, or if its
/// tenant is at its cap.
public struct WaitReport: Hashable, Sendable {
    /// One sentence about the slots, one about the clients that wait.
    public let summary: [String]
    /// A sentence for each reason that somebody should look at.
    public let concerns: [String]

    /// A slot and a client that fit are joined at once. If they are still apart after this time, something is wrong.
    static let joinMilliseconds: Int64 = 3_000
    /// More concerns of one kind are counted.
    private static let concernsMax = 3

    public init(_ view: FleetView) {
        var found = Findings(view)
        found.look()
        summary = [WaitReport.slots(view), found.waiting]
        concerns = found.concerns
    }

    private static func slots(_ view: FleetView) -> String {
        let counts = view.slots.reduce(into: [SlotState: Int]()) { $0[$1.state, default: 0] += 1 }
        let states = SlotState.allCases.compactMap { state in counts[state].map { "\($0) \(state.rawValue)" } }
        let total = counts.values.reduce(0, +)
        return count(total, "slot") + (states.isEmpty ? "" : ": " + states.joined(separator: ", ")) + "; "
            + count(view.workers.count, "worker") + ", " + count(view.gateways.count, "gateway")
    }

    fileprivate static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    fileprivate static func wait(_ count: Int) -> String { count == 1 ? "1 client waits" : "\(count) clients wait" }

    /// The worst first, the others in one sentence.
    fileprivate static func sentences(_ groups: [String: Group], _ words: (String, Group) -> String) -> [String] {
        let sorted = groups.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        let rest = sorted.dropFirst(concernsMax)
        let more =
            rest.isEmpty ? [] : ["\(wait(rest.reduce(0) { $0 + $1.value.count })) for \(rest.count) others like these"]
        return sorted.prefix(concernsMax).map { words($0.key, $0.value) } + more
    }
}

/// Clients that wait for the same, or for the same reason.
private struct Group {
    var count = 0
    var oldestMilliseconds = Int64.max
}

private struct Findings {
    let view: FleetView
    private var noWorker: [String: Group] = [:]
    private var paused: [String: Group] = [:]
    private var capZero: [String: Group] = [:]
    private var capacity: [String: Group] = [:]
    private var broken: [String] = []
    /// Clients that wait as they should, and that should not.
    private var (full, capped, wrongly) = (0, 0, 0)

    init(_ view: FleetView) { self.view = view }

    mutating func look() {
        guard !view.head.isRecovering else { return }
        let reason = view.reasonOf()
        for queue in view.queues {
            switch reason(queue) {
            case .recovering: break
            case .tenantCap where view.limits(of: queue.tenant).cap == 0: add(queue, to: &capZero[queue.tenant])
            case .tenantCap: capped += queue.count
            case .noWorker: add(queue, to: &noWorker[PoolText(queue.selector).words])
            case .paused: add(queue, to: &paused[pause(of: queue)])
            case .capacity: if let pool = servedPool(of: queue) { add(queue, to: &capacity[pool]) }
            }
        }
        wrongly += (Array(noWorker.values) + paused.values + capZero.values).reduce(0) { $0 + $1.count } + view.aside
        for (pool, group) in capacity.sorted(by: { $0.key < $1.key }) {
            let unused = unusedSlots(of: pool, group)
            let count = min(group.count, unused.count)
            wrongly += count
            full += group.count - count
            if count > 0 {
                broken.append(
                    "\(WaitReport.wait(group.count)) for \(PoolText(pool).words), and \(unused.words)")
            }
        }
    }

    private func add(_ queue: FleetView.Queue, to group: inout Group?) {
        var changed = group ?? Group()
        changed.count += queue.count
        changed.oldestMilliseconds = min(changed.oldestMilliseconds, queue.oldestMilliseconds)
        group = changed
    }

    /// The name under which a pool of the queue is paused.
    private func pause(of queue: FleetView.Queue) -> String {
        let pool = queue.pools.first(where: view.isPaused) ?? ""
        let label = String(pool.prefix { $0 != "|" })
        return view.pauses.contains(label) ? label : pool
    }

    /// The first pool that a client of the queue would get a slot of.
    private func servedPool(of queue: FleetView.Queue) -> String? {
        let served = Set(
            view.workers.filter { !$0.isDraining && $0.state != "quarantined" }.flatMap(\.slots).map(\.pool))
        return queue.pools.first { !view.isPaused($0) && served.contains($0) }
    }

    /// Slots of the pool that neither serve a client nor are about to.
    private func unusedSlots(of pool: String, _ group: Group) -> (count: Int, words: String) {
        var (free, unreached, out) = (0, [String](), [String]())
        var outWords = ""
        let names = view.workerNames
        for worker in view.workers where !worker.isDraining {
            let name = "\(names[worker.id] ?? worker.id) (\(view.state(of: worker)))"
            for slot in worker.slots where slot.pool == pool {
                switch slot.state {
                case .free where worker.state == "ok": free += 1
                case .free: unreached.append(name)
                case .out:
                    out.append(name)
                    outWords = worker.trouble
                case .leased, .recycling, .draining: break
                }
            }
        }
        if view.head.atMilliseconds - group.oldestMilliseconds < WaitReport.joinMilliseconds { free = 0 }
        var words: [String] = []
        if free > 0 { words.append("\(WaitReport.count(free, "slot")) of it \(free == 1 ? "is" : "are") free") }
        if let first = unreached.first {
            let count = unreached.count { $0 == first }
            let verb = count == 1 ? "gets" : "get"
            words.append("\(WaitReport.count(count, "free slot")) of \(first) \(verb) no clients")
        }
        if let first = out.first {
            words.append(
                "\(WaitReport.count(out.count, "slot")) \(out.count == 1 ? "is" : "are") out at \(first)"
                    + (outWords.isEmpty ? "" : ": \(outWords)"))
        }
        return (free + unreached.count + out.count, Printable.text(words.joined(separator: "; ")))
    }

    var waiting: String {
        let total = view.head.waiting + view.aside
        guard total > 0 else { return "Nobody waits." }
        var reasons: [String] = []
        if full > 0 { reasons.append("\(full) while all slots are in use") }
        if capped > 0 { reasons.append("\(capped) at a tenant's cap") }
        if wrongly > 0 { reasons.append("\(wrongly) who should not") }
        let first = view.head.oldestMilliseconds.map {
            ", the first for \(TimeSpan.text(milliseconds: Int(view.head.atMilliseconds - $0)))"
        }
        return WaitReport.wait(total) + (first ?? "")
            + (reasons.isEmpty ? "." : ": \(reasons.joined(separator: ", ")).")
    }

    var concerns: [String] {
        var out: [String] = []
        if view.head.isRecovering {
            out.append("Redis lost data: no slot is granted until processes have declared again what they hold")
        }
        out += WaitReport.sentences(noWorker) { "\(WaitReport.wait($1.count)) for \($0), and no worker serves it" }
        out += broken
        out += WaitReport.sentences(paused) {
            "\(WaitReport.wait($1.count)) for \(PoolText($0).words), which is paused: berth resume \(quoted($0))"
        }
        out += WaitReport.sentences(capZero) {
            let tenant = Printable.text($0)
            return "\(WaitReport.wait($1.count)) of \(tenant), whose cap is 0: berth cap \(tenant) 1"
        }
        for gateway in view.gateways where gateway.aside > 0 {
            out.append(
                Printable.text(
                    "\(WaitReport.wait(gateway.aside)) at gateway \(gateway.id), which is suspended: \(gateway.suspension)"
                ))
        }
        return out
    }

    private func quoted(_ name: String) -> String { name.contains("|") ? "'\(name)'" : name }
}
