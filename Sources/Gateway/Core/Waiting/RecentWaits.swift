/// The waits and refusals of the last two minutes, in slices of a second.
public struct RecentWaits: Sendable {
    /// How long a wait counts.
    static let recentMilliseconds: UInt64 = 120_000
    /// Waits kept for the percentiles; under more, each slot of a ring holds a later one.
    static let recentWaitsMax = 4_096

    private var waits: [(at: UInt64, seconds: Double)] = []
    private var next = 0
    /// Served clients and refusals by second of the loop's clock.
    private var seconds: [(second: UInt64, served: Int, refused: Int)] = []
    private var codes: [(at: UInt64, code: String)] = []

    public init() {}

    public mutating func served(seconds waited: Double, now: UInt64) {
        count(now) { $0.served += 1 }
        if waits.count < RecentWaits.recentWaitsMax {
            waits.append((now, waited))
        } else {
            waits[next] = (now, waited)
            next = (next + 1) % RecentWaits.recentWaitsMax
        }
    }

    public mutating func refused(_ code: String, now: UInt64) {
        count(now) { $0.refused += 1 }
        codes.append((now, code))
        if codes.count > RecentWaits.recentWaitsMax { codes.removeFirst(RecentWaits.recentWaitsMax / 2) }
    }

    /// Clients served a second over the last ten seconds.
    public func servedPerSecond(now: UInt64) -> Double {
        let from = now / 1_000 >= 10 ? now / 1_000 - 10 : 0
        let count = seconds.reduce(0) { $0 + ($1.second >= from && $1.second < now / 1_000 ? $1.served : 0) }
        return Double(count) / 10
    }

    /// The part of all requests that was refused; 0 without a request.
    public func refusedShare(now: UInt64) -> Double {
        let recent = seconds.filter { isRecent($0.second * 1_000, now) }
        let (served, refused) = recent.reduce((0, 0)) { ($0.0 + $1.served, $0.1 + $1.refused) }
        return served + refused == 0 ? 0 : Double(refused) / Double(served + refused)
    }

    /// The commonest code of a refusal; nil without one.
    public func commonestRefusal(now: UInt64) -> String? {
        let counts = codes.reduce(into: [String: Int]()) { if isRecent($1.at, now) { $0[$1.code, default: 0] += 1 } }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    /// Refusals of the last two minutes.
    public func refusals(now: UInt64) -> Int {
        seconds.reduce(0) { $0 + (isRecent($1.second * 1_000, now) ? $1.refused : 0) }
    }

    /// Waits, in seconds, that these parts of the served clients did not exceed; nil if nobody was served.
    public func waits(at parts: [Double], now: UInt64) -> [Double]? {
        let sorted = waits.lazy.filter { isRecent($0.at, now) }.map(\.seconds).sorted()
        guard !sorted.isEmpty else { return nil }
        return parts.map { sorted[min(sorted.count - 1, Int(Double(sorted.count) * $0))] }
    }

    private func isRecent(_ at: UInt64, _ now: UInt64) -> Bool { at + RecentWaits.recentMilliseconds > now }

    private mutating func count(_ now: UInt64, _ body: (inout (second: UInt64, served: Int, refused: Int)) -> Void) {
        if seconds.last?.second != now / 1_000 {
            seconds.append((now / 1_000, 0, 0))
            if seconds.count > Int(RecentWaits.recentMilliseconds / 1_000) + 1 { seconds.removeFirst() }
        }
        body(&seconds[seconds.count - 1])
    }
}
