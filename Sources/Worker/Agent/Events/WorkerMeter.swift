import Metrics
import QueueCore
import WorkerCore

/// Counts a worker's events for its admin listener.
final class WorkerMeter: WorkerEvents {
    private var sessions = CounterTable("berth_worker_sessions_total", "Clients served.", by: "pool")
    private var ends = CounterTable("berth_worker_session_ends_total", "Sessions that ended, by reason.", by: "reason")
    private var rejects = CounterTable("berth_worker_rejects_total", "Grants not served, by reason.", by: "reason")
    private var starts = CounterTable("berth_sidecar_starts_total", "Sidecars started.", by: "pool")
    private var failures = CounterTable(
        "berth_sidecar_failures_total", "Sidecars that did not start, or ended unasked.", by: "pool")
    private var exits = CounterTable("berth_sidecar_exits_total", "Sidecars that ended.", by: "pool", "wanted")
    private var strangers = CounterTable(
        "berth_strangers_total", "Requests to the worker's port that no gateway of this fleet sent.", by: "reason")
    private var readySidecars: [String: Set<Int>] = [:]
    private var outSidecars: [String: Set<Int>] = [:]
    private var isMemoryShort = false
    private var isRoomShort = false

    /// - Parameter pools: the worker's. Their series exist before their first event, because a scrape may come late.
    init(pools: [Pool]) {
        for name in pools.map(WorkerMeter.name) {
            sessions.expect(name)
            starts.expect(name)
            failures.expect(name)
            for wanted in ["true", "false"] { exits.expect(name, wanted) }
            readySidecars[name] = []
            outSidecars[name] = []
        }
    }

    var families: [MetricFamily] {
        [
            sessions.family, ends.family, rejects.family, starts.family, failures.family, exits.family,
            strangers.family,
            .gauge("berth_sidecars_ready", "Sidecars that listen.", by: "pool", readySidecars.mapValues(\.count)),
            .gauge(
                "berth_sidecars_out", "Sidecars that failed too often, and are tried every 30 s.", by: "pool",
                outSidecars.mapValues(\.count)),
            .gauge("berth_worker_memory_short", "1 while less memory than the reserve is left.", isMemoryShort ? 1 : 0),
            .gauge("berth_worker_room_short", "1 while a file system has no room for sessions.", isRoomShort ? 1 : 0),
        ]
    }

    func worker(_ event: WorkerEvent) {
        switch event {
        case .memory(let isShort, _, _): isMemoryShort = isShort
        case .room(let lack): isRoomShort = lack != nil
        default: break
        }
    }

    func stranger(at peer: String, _ event: StrangerEvent) {
        switch event {
        case .copied: strangers.add("copied")
        case .otherFleet: strangers.add("other_fleet")
        case .otherWorker: strangers.add("other_worker")
        case .otherSecret: strangers.add("other_secret")
        }
    }

    func slot(_ slot: Int, of pool: Pool, _ event: SlotEvent) {
        switch event {
        case .changed: break
        case .refused(_, let reason): rejects.add(reason.rawValue)
        case .served: sessions.add(WorkerMeter.name(pool))
        case .vacated(let vacated, let cause, _):
            switch vacated.verdict {
            case .none: rejects.add(WorkerLog.word(for: cause, isShort: true))
            case .reject(let verdict): rejects.add(verdict.rawValue)
            case .keep: break
            case .release: ends.add(WorkerLog.word(for: cause, isShort: true))
            }
        }
    }

    func sidecar(_ number: Int, of pool: Pool, pid: Int32?, _ event: SidecarEvent) {
        let pool = WorkerMeter.name(pool)
        switch event {
        case .starting: starts.add(pool)
        case .ready:
            readySidecars[pool, default: []].insert(number)
            outSidecars[pool]?.remove(number)
        case .startFailed: failures.add(pool)
        case .exited(_, let failure):
            readySidecars[pool]?.remove(number)
            exits.add(pool, failure == nil ? "true" : "false")
            if failure != nil { failures.add(pool) }
        case .out:
            readySidecars[pool]?.remove(number)
            outSidecars[pool, default: []].insert(number)
        case .stopped:
            readySidecars[pool]?.remove(number)
            outSidecars[pool]?.remove(number)
        case .misannounced, .probeFailed, .crowded, .large: break
        }
    }

    /// The value of the label `pool`.
    static func name(_ pool: Pool) -> String { "\(pool.label.text)|\(pool.browser)" }
}
