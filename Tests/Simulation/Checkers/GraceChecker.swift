/// When nothing may end by time, by the clock of Redis: found out from the calls alone, not from what Redis says of it.
struct GraceWatch {
    /// An outage or a step is more than that, µs.
    private static let silence: Int64 = 4_000_000
    private static let span: Int64 = 10_000_000
    /// Redis counts in milliseconds.
    static let slack: Int64 = 2_000

    /// Redis' clock at the last commit, and until when its grace is.
    private var last: Int64 = 0
    private var isUnsure = false
    private(set) var until: Int64 = 0
    /// The same where Redis may have reason for a grace that calls do not show.
    private(set) var perhapsUntil: Int64 = 0

    mutating func note(_ happening: Happening) {
        // What it remembers of time may be older, and so its grace.
        if case .storeLostData = happening { (last, until, isUnsure) = (0, 0, true) }
    }

    mutating func ran(_ call: StoreCall, at clock: Int64) {
        let isSudden = last > 0 && (clock - last > Self.silence + Self.slack || clock < last)
        if isSudden || until > clock + Self.span { until = clock + Self.span }
        if isSudden || isUnsure || perhapsUntil > clock + Self.span { perhapsUntil = clock + Self.span }
        isUnsure = false
        // Calls that wrote nothing do not tell Redis the time.
        if call.wrote { last = clock }
    }
}

/// L6: after an outage of Redis or a step of its clock nobody ends by time until all had time to come back; L3: and no
/// deadline stands further off than its span.
final class GraceChecker: Checker {
    private var watch = GraceWatch()
    private var before: Set<String> = []
    private var due = ""

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        watch.note(happening)
    }

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        guard script == "sweep" else { return }
        due = ledger.store.field("state", of: "nextSweep") ?? ""
        // What a bounded call left is no matter of time.
        let isDone = ledger.store.redis.members(ledger.store.key("todo")).isEmpty
        before = isDone ? mortal(ledger.store) : []
    }

    private func mortal(_ store: StoreView) -> Set<String> {
        Set(["gateways", "workers", "due"].flatMap { store.redis.ranked(store.key($0)).map(\.member) })
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        let store = ledger.store
        let clock = store.redis.now
        watch.ran(call, at: clock)
        if call.script == "sweep", call.status == "ok" { spans(clock, ledger) }
        guard call.script == "sweep", call.status == "ok", clock < watch.until - GraceWatch.slack else { return }
        for id in before.subtracting(mortal(store)).sorted() {
            ledger.found("L6", "\(id) ended by time in a grace period")
        }
    }

    private func spans(_ clock: Int64, _ ledger: Ledger) {
        let store = ledger.store
        // A sweep that was not due yet looks at nothing, and neither does one in a hold-off.
        guard store.field("state", of: "nextSweep") != due, store.field("state", of: "holdOff") == "0" else { return }
        for (set, span) in [("gateways", 10_000), ("workers", 10_000), ("due", 5_000)] {
            for (id, deadline) in store.redis.ranked(store.key(set)) where Int64(deadline) > clock / 1_000 + Int64(span)
            {
                if set == "due", store.field("lease", store.picture.leaseAt[id] ?? "", of: "state") != "granted" {
                    continue
                }
                ledger.found("L3", "\(id) ends \(Int64(deadline) - clock / 1_000) ms from now")
            }
        }
    }
}
