import CUV

/// Caches the addresses of names for some seconds. So a burst of dials needs one lookup, and a dead name server is not
/// asked each time.
struct AddressCache {
    typealias Answer = Result<[SocketAddress], SystemError>

    /// Most names in the cache.
    static let namesMax = 1_024
    static let foundMilliseconds: UInt64 = 5_000
    /// A failure is cached for a shorter time, because the name may exist soon.
    static let failedMilliseconds: UInt64 = 1_000

    private var entries: [String: (answer: Answer, until: UInt64)] = [:]

    var count: Int { entries.count }

    func answer(_ name: String, now: UInt64) -> Answer? {
        guard let entry = entries[name], now < entry.until else { return nil }
        return entry.answer
    }

    mutating func put(_ name: String, _ answer: Answer, now: UInt64) {
        if entries.count >= AddressCache.namesMax, entries[name] == nil { makeRoom(now: now) }
        let isFound = if case .success = answer { true } else { false }
        entries[name] = (
            answer, now + (isFound ? AddressCache.foundMilliseconds : AddressCache.failedMilliseconds)
        )
    }

    private mutating func makeRoom(now: UInt64) {
        entries = entries.filter { now < $0.value.until }
        guard entries.count >= AddressCache.namesMax, let oldest = entries.min(by: { $0.value.until < $1.value.until })
        else { return }
        entries[oldest.key] = nil
    }
}
