/// L6: after the last fault as many are served as before the first one. Where all sessions are of one length and every
/// slot is always wanted, that is the time in which slots serve.
final class ThroughputChecker: Checker {
    /// In percent of what it was.
    private static let least: Int64 = 95

    private var began: [String: Int64] = [:]
    private var since: Int64?
    private var served: Int64 = 0
    private var before: Int64?

    func note(_ happening: Happening, at now: Int64, into ledger: Ledger) {
        switch happening {
        case .served(_, _, let lease, _, let attach, _): began["\(lease) \(attach)"] = now
        case .unserved(_, _, let lease):
            for key in began.keys.filter({ $0.hasPrefix("\(lease) ") }) { end(key, at: now) }
        case .allWanted(true): (since, served) = (now, 0)
        case .allWanted(false): judge(at: now, into: ledger)
        default: break
        }
    }

    private func end(_ key: String, at now: Int64) {
        guard let began = began.removeValue(forKey: key), let since else { return }
        served += now - max(began, since)
    }

    private func judge(at now: Int64, into ledger: Ledger) {
        guard let since else { return }
        for began in began.values { served += now - max(began, since) }
        self.since = nil
        // In thousandths of a slot.
        let rate = served * 1_000 / (now - since)
        guard let before else { return before = rate }
        guard rate * 100 < before * ThroughputChecker.least else { return }
        ledger.found("L6", "\(before) thousandths of a slot were serving before the faults, \(rate) are after them")
    }
}
