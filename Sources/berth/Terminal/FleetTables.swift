import QueueCore

/// The parts of a fleet that are listed as a table. The raw values are the names of the commands.
public enum Section: String, Hashable, Sendable, CaseIterable {
    case pools, tenants, workers, waiters, sessions

    /// - Parameter places: of the first waiters, by id, for their estimates.
    public func table(_ view: FleetView, places: [String: Place] = [:]) -> Table {
        switch self {
        case .pools: Section.pools(view)
        case .tenants: Section.tenants(view)
        case .workers: Section.workers(view)
        case .waiters: Section.waiters(view, places)
        case .sessions: Section.sessions(view)
        }
    }

    private static func pools(_ view: FleetView) -> Table {
        let rows = view.poolCounts.map { pool -> [Table.Cell] in
            let state = pool.isPaused ? "paused" : pool.slotsTotal == 0 ? "no worker" : "ok"
            return PoolText(pool.pool).cells + [.text(state), .number(pool.waiting)]
                + [.span(from: pool.oldestMilliseconds, to: view.head.atMilliseconds)]
                + SlotState.allCases.map { .number(pool.slots[$0] ?? 0) } + [.number(pool.wanted)]
        }
        return Table(
            PoolText.columns + [.text("STATE"), .number("WAITING"), .number("OLDEST")]
                + SlotState.allCases.map { .number($0.rawValue.uppercased()) } + [.number("WANTED")], rows)
    }

    /// The last three columns are of today.
    private static func tenants(_ view: FleetView) -> Table {
        let rows = view.tenantCounts.map { tenant -> [Table.Cell] in
            [
                .text(tenant.tenant), .number(tenant.held), .optional(view.cap(of: tenant.tenant)),
                .number(tenant.waiting), .span(from: tenant.oldestMilliseconds, to: view.head.atMilliseconds),
                .text(tenant.reason?.rawValue ?? ""), .number(tenant.today.sessions), .number(tenant.today.refusals),
                .span(tenant.today.heldMilliseconds),
            ]
        }
        return Table(
            [
                .text("TENANT"), .number("HELD"), .number("CAP"), .number("WAITING"), .number("OLDEST"),
                .text("REASON"),
                .number("SESSIONS"), .number("REFUSED"), .number("USED"),
            ], rows)
    }

    private static func workers(_ view: FleetView) -> Table {
        let names = view.workerNames
        let rows = view.workers.map { worker -> [Table.Cell] in
            let count = { (state: SlotState) in worker.slots.count { $0.state == state } }
            return [.text(names[worker.id] ?? worker.id), .text(view.state(of: worker)), .number(worker.slots.count)]
                + SlotState.allCases.map { .number(count($0)) }
                + [
                    .number(worker.sessionsServed),
                    .span(from: worker.startedMilliseconds, to: view.head.atMilliseconds), .text(worker.version),
                    .text(worker.address), .text(worker.trouble),
                ]
        }
        return Table(
            [.text("WORKER"), .text("STATE"), .number("SLOTS")]
                + SlotState.allCases.map { .number($0.rawValue.uppercased()) }
                + [.number("SERVED"), .number("AGE"), .text("VERSION"), .text("ADDRESS"), .text("TROUBLE")], rows)
    }

    private static func waiters(_ view: FleetView, _ places: [String: Place]) -> Table {
        let reason = view.reasonOf()
        let queues = Dictionary(view.queues.map { ([$0.selector, $0.tenant], $0) }, uniquingKeysWith: { $1 })
        let rows = view.line.enumerated().map { ahead, waiter -> [Table.Cell] in
            let place = places[waiter.id]
            let why = place?.reason ?? queues[[waiter.selector, waiter.tenant]].map(reason)
            return [.text(ShortID.text(waiter.id)), .text(waiter.tenant)] + PoolText(waiter.selector).cells
                + [
                    .span(from: waiter.arrivedMilliseconds, to: view.head.atMilliseconds), .number(ahead),
                    .text(why?.rawValue ?? ""), place?.estimateMilliseconds.map { .span($0) } ?? .none,
                    .text(waiter.run), .text(waiter.gateway),
                ]
        }
        return Table(
            [.text("WAITER"), .text("TENANT")] + PoolText.columns
                + [
                    .number("WAITED"), .number("AHEAD"), .text("REASON"), .number("ESTIMATE"), .text("RUN"),
                    .text("GATEWAY"),
                ], rows)
    }

    private static func sessions(_ view: FleetView) -> Table {
        let names = view.workerNames
        let rows = view.workers.flatMap { worker in
            worker.slots.filter { !$0.lease.isEmpty }.map { slot -> [Table.Cell] in
                [.text(ShortID.text(slot.lease)), .text(slot.tenant), .text(slot.leaseState)]
                    + PoolText(slot.pool).cells
                    + [
                        .text(names[worker.id] ?? worker.id), .number(slot.number),
                        .span(from: slot.sinceMilliseconds, to: view.head.atMilliseconds), .text(slot.run),
                    ]
            }
        }
        return Table(
            [.text("SESSION"), .text("TENANT"), .text("STATE")] + PoolText.columns
                + [.text("WORKER"), .number("SLOT"), .number("AGE"), .text("RUN")], rows)
    }

    /// The gateways, for `berth status`.
    static func gateways(_ view: FleetView) -> Table {
        Table(
            [.text("GATEWAY"), .text("STATE"), .number("WAITERS"), .number("ASIDE")],
            view.gateways.map {
                [.text($0.id), .text($0.suspension.isEmpty ? "ok" : "suspended: \($0.suspension)")]
                    + [.number($0.waiters), .number($0.aside)]
            })
    }
}

/// The parts of a pool, or of a selector, where an empty part means any.
struct PoolText {
    static let columns: [Table.Column] = ["LABEL", "BROWSER", "VERSION", "PROTOCOL"].map { .text($0) }

    let parts: [String]

    init(_ text: String) {
        let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        self.parts = (0..<4).map { $0 < parts.count ? parts[$0] : "" }
    }

    var cells: [Table.Cell] { parts.map { .text($0) } }

    /// `AppA:Chromium, chromium 1.65`: for a sentence.
    var words: String {
        let more = parts[1...].filter { !$0.isEmpty }.joined(separator: " ")
        let label = parts[0].isEmpty ? "any pool" : parts[0]
        return Printable.text(more.isEmpty ? label : "\(label) (\(more))")
    }
}

extension FleetView {
    /// The tenant's cap; nil if the fleet has no fewer slots.
    public func cap(of tenant: String) -> Int? {
        let cap = limits(of: tenant).cap
        return cap >= TenantLimits.default.cap ? nil : cap
    }

    /// A worker's name for people and for `berth drain`: its node id, or its process id if several have that node id.
    var workerNames: [String: String] {
        func node(_ id: String) -> String { ProcessID(id).map { String($0.node) } ?? id }
        let counts = workers.reduce(into: [:]) { $0[node($1.id), default: 0] += 1 }
        return Dictionary(
            workers.map { ($0.id, counts[node($0.id)] == 1 ? node($0.id) : $0.id) }, uniquingKeysWith: { $1 })
    }

    func state(of worker: Worker) -> String {
        ([worker.state] + (worker.isDraining ? ["draining"] : [])
            + (worker.isLate(at: head.atMilliseconds) ? ["late"] : [])).joined(separator: ",")
    }
}
