import QueueCore

/// How it ended for a client, as the client saw it.
public enum ClientEnd: Hashable, Sendable {
    /// It had its session and closed it.
    case served
    /// Its session was ended by the other side.
    case sessionLost
    case refused(String)
    /// It closed before it was served.
    case left
    /// Its connection broke with its gateway.
    case gatewayDied
}

/// What somebody in the fleet did or saw. All that checkers know of the machines.
public enum Happening {
    case clientArrived(client: Int)
    case clientEnded(client: Int, how: ClientEnd)
    /// A gateway took a client in, to be held at most until then (µs).
    case waitBegan(client: Int, gateway: ProcessID, tenant: String, until: Int64)
    /// The client stands in the queue under this id from now on.
    case queuedAs(client: Int, waiter: WaiterID)
    case relayBegan(client: Int, lease: LeaseID)
    /// Its gateway is done with it.
    case waitEnded(client: Int, how: ClientEnd)
    /// A grant reached its gateway, by whatever way.
    case gatewayHeard(gateway: ProcessID, lease: LeaseID)
    case dialed(gateway: ProcessID, worker: ProcessID, lease: LeaseID)
    case probed(gateway: ProcessID, worker: ProcessID)
    case registeredAnew(process: ProcessID)
    /// The first byte of a client reached the slot's sidecar.
    case served(worker: ProcessID, slot: Int, lease: LeaseID, token: Token, attach: Int, client: Int)
    case unserved(worker: ProcessID, slot: Int, lease: LeaseID)
    /// The slot's sidecar ended by itself, or is replaced while no session uses it.
    case sidecarCrashed(worker: ProcessID, slot: Int)
    /// A start of a sidecar serves one more session. `seats` and `sessionsMax` are what it may serve at once and in all.
    case sidecarServes(worker: ProcessID, start: String, slot: Int, lease: LeaseID, seats: Int, sessionsMax: Int)
    /// At the worker, the slot is free from this token on.
    case slotIsFree(worker: ProcessID, slot: Int, token: Token)
    case ordered(worker: ProcessID, close: LeaseID)
    case notice(process: ProcessID, words: String)
    case processBegan(ProcessID, isWorker: Bool)
    case processPaused(ProcessID)
    case processWentOn(ProcessID)
    /// Gone, by kill or by its own end.
    case processGone(ProcessID)
    /// One between a gateway and a worker, by itself.
    case connectionBroke
    /// Something is wrong with Redis, its clock, the way to it, or the time of a process: bounds of time count from the
    /// end of it. Each beginning has its end.
    case troubleBegan
    case troubleEnded
    /// What a living worker says of its slots; noted before the checkers look.
    case table(worker: ProcessID, rows: [SlotRow], isDraining: Bool)
    /// Whom a living gateway holds in line; noted before the checkers look.
    case holds(gateway: ProcessID, waiting: [WaiterID])
    /// Commits were lost that processes were told of.
    case storeLostData
    /// A script dies midway: index entries may be wrong for as long as they take to heal (L9).
    case scriptDies
    /// No fault from now on.
    case healed
    /// From now on every slot is wanted all the time, for sessions of one length; or no more. The first such time is
    /// before any fault, the last one as long after them as it may take the fleet to be as it was.
    case allWanted(Bool)
}
