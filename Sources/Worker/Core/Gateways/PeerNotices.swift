/// Limits the log lines about peers: one a minute for each peer, and `peersMax` a minute for all of them.
public struct PeerNotices: Sendable {
    public static let intervalMilliseconds: UInt64 = 60_000
    public static let peersMax = 64

    private var told: [UInt64: UInt64] = [:]

    public init() {}

    /// True if the log has had no line about this peer in the last minute. The caller then writes one.
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
