import GatewayCore
import QueueCore

/// Every wait and every session of a gateway, by the id that the queue knows it by, with what they share.
package final class WaitTable<Connection: WorkerConnection> {
    let runtime: any WaitRuntime
    let queue: any WaitQueue
    let dialer: any Dialer<Connection>
    let events: any WaitEvents
    /// The most slots that a tenant may hold at once, by the tenant's name.
    var cap: (String) -> Int = { _ in TenantLimits.default.cap }
    /// The pools that a refusal may name.
    var directory: () -> PoolDirectory? = { nil }

    private var waits: [WaiterID: WaitDriver<Connection>] = [:]
    /// Redis has been away for longer than a new client may wait for it. Not so at the start, before it was asked.
    package var isStoreAway = false
    private(set) var grantRate = GrantRate()

    package init(
        runtime: any WaitRuntime, queue: any WaitQueue, dialer: any Dialer<Connection>, events: any WaitEvents
    ) {
        self.runtime = runtime
        self.queue = queue
        self.dialer = dialer
        self.events = events
    }

    package subscript(id: WaiterID) -> WaitDriver<Connection>? { waits[id] }
    package var values: Dictionary<WaiterID, WaitDriver<Connection>>.Values { waits.values }
    var count: Int { waits.count }
    var isEmpty: Bool { waits.isEmpty }

    func insert(_ wait: WaitDriver<Connection>) { waits[wait.id] = wait }
    func remove(_ id: WaiterID) { waits.removeValue(forKey: id) }
    func noteGrant() { grantRate.noteGrant(now: runtime.now) }
}
