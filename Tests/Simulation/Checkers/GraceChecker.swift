/// L6: after an outage of Redis or a step of its clock nobody ends by time until all had time to come back.
final class GraceChecker: Checker {
    /// An outage or a step is more than that, µs.
    private static let silence: Int64 = 4_000_000
    private static let span: Int64 = 10_000_000
    /// Redis counts in milliseconds.
    private static let slack: Int64 = 2_000

    /// Redis' clock at the last call, and until when its grace is, by the same clock.
    private var last: Int64 = 0
    private var graceUntil: Int64 = 0
    private var before: Set<String> = []

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        // What it remembers of time may be older, and so its grace.
        if case .storeLostData = happening { (last, graceUntil) = (0, 0) }
    }

    func willRun(_ script: String, arguments: [String], at now: Int64, into ledger: Ledger) {
        guard script == "sweep" else { return }
        // What a bounded call left is no matter of time.
        let isDone = ledger.store.redis.members(ledger.store.key("todo")).isEmpty
        before = isDone ? mortal(ledger.store) : []
    }

    private func mortal(_ store: StoreView) -> Set<String> {
        Set(["gateways", "workers", "pending"].flatMap { store.redis.ranked(store.key($0)).map(\.member) })
    }

    func ran(_ call: StoreCall, at now: Int64, into ledger: Ledger) {
        let store = ledger.store
        let clock = store.redis.now
        let isSudden = last > 0 && (clock - last > GraceChecker.silence + GraceChecker.slack || clock < last)
        if isSudden || graceUntil > clock + GraceChecker.span { graceUntil = clock + GraceChecker.span }
        // Calls that wrote nothing do not tell Redis the time.
        if call.wrote { last = clock }
        guard call.script == "sweep", call.status == "ok", clock < graceUntil - GraceChecker.slack else { return }
        for id in before.subtracting(mortal(store)).sorted() {
            ledger.found("L6", "\(id) ended by time in a grace period")
        }
    }
}
