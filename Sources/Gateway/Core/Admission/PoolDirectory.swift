import QueueCore

/// The pools of the fleet as this gateway last heard of them. It decides what the listener points at, never who waits:
/// a client may ask for a pool that the directory does not have yet.
public struct PoolDirectory: Hashable, Sendable {
    /// Pools named in a refusal.
    static let namedMax = 8

    private let pools: [Pool]

    public init(_ pools: [Pool]) {
        self.pools = pools.sorted { $0.description < $1.description }
    }

    func serves(_ slotProtocol: SlotProtocol) -> Bool { pools.contains { $0.slotProtocol == slotProtocol } }

    /// The pools for a refusal: `AppA:Chromium (playwright), default (cdp)`. Versions of one pool are one.
    var words: String {
        var names: [String] = []
        for pool in pools {
            let name = "\(pool.label) (\(pool.slotProtocol.rawValue))"
            if !names.contains(name) { names.append(name) }
        }
        if names.isEmpty { return "there are no pools yet" }
        let named = names.prefix(PoolDirectory.namedMax).joined(separator: ", ")
        let more = names.count - PoolDirectory.namedMax
        return "the pools are \(named)" + (more > 0 ? " and \(more) more" : "")
    }
}
