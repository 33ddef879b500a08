import GatewayCore
import QueueCore

/// Every wait and every session of a gateway, by the id that the queue knows it by, with what they share.
package final class WaitTable<Connection: WorkerConnection> {
    let runtime: any WaitRuntime
    let queue: any WaitQueue
    let dialer: any Dialer<Connection>
    let events: any WaitEvents
    /// A waiter whose pools no worker serves ends after this; nil for the wait itself.
    package var noWorkerWaitMilliseconds: UInt64?
    /// The pools that a refusal may name.
    var directory: () -> PoolDirectory? = { nil }

    private var waits: [WaiterID: WaitDriver<Connection>] = [:]
    private var attachments: [ObjectIdentifier: AttachDriver<Connection>] = [:]
    /// Slots lent in the last seconds. Copies of their grants may still arrive.
    private var lent: Set<LeaseID> = []
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
    /// Clients that wait for a slot or a session, and those that have one.
    var count: Int { waits.count + attachments.count }
    var isEmpty: Bool { waits.isEmpty && attachments.isEmpty }

    func insert(_ wait: WaitDriver<Connection>) { waits[wait.id] = wait }
    func remove(_ id: WaiterID) { waits.removeValue(forKey: id) }
    func insert(_ attachment: AttachDriver<Connection>) { attachments[ObjectIdentifier(attachment)] = attachment }
    func remove(_ attachment: AttachDriver<Connection>) { attachments[ObjectIdentifier(attachment)] = nil }

    /// True if a copy of the grant must not be given back, because its slot was lent.
    package func wasLent(_ lease: LeaseID) -> Bool { lent.contains(lease) }

    func noteLent(_ lease: LeaseID) {
        lent.insert(lease)
        _ = runtime.call(after: UInt64(QueueLimits.reserveMilliseconds)) { [weak self] in self?.lent.remove(lease) }
    }

    func noteGrant() { grantRate.noteGrant(now: runtime.now) }
}
