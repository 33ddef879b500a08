/// Which peers are worth a log line: each once a minute, and no more than some in that time, however many there are.
public struct PeerNotices: Sendable {
    public static let intervalMilliseconds: UInt64 = 60_000
    public static let peersMax = 64

    private var told: [UInt64: UInt64] = [:]

    public init() {}

    /// True when this peer was not told of in the last minute. It is from now on.
    public mutating func isNews(_ peer: UInt64, now: UInt64) -> Bool {
        if let at = told[peer], now < at + PeerNotices.intervalMilliseconds { return false }
        if told.count >= PeerNotices.peersMax {
            told = told.filter { now < $0.value + PeerNotices.intervalMilliseconds }
        }
        guard told.count < PeerNotices.peersMax else { return false }
        told[peer] = now
        return true
    }
}
