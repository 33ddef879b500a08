import QueueCore

/// What a gateway asks of the queue for one client.
public struct EnqueueRequest: Sendable {
    public let waiter: WaiterID
    public let tenant: String
    public let selector: Selector
    /// Seconds of head start asked for; bounded by the tenant's limit.
    public let headStartSeconds: Int
    /// The caller's CI run, "" where there is none.
    public let run: String
    /// False: refuse with `wouldWait` instead of queueing.
    public let wait: Bool
    /// The old ticket of a waiter that comes back after Redis ended its gateway or lost its data.
    public let ticket: Int64?
    /// Grants it has had so far.
    public let attempt: Int

    public init(
        waiter: WaiterID, tenant: String, selector: Selector, headStartSeconds: Int, run: String, wait: Bool,
        ticket: Int64?, attempt: Int
    ) {
        self.waiter = waiter
        self.tenant = tenant
        self.selector = selector
        self.headStartSeconds = headStartSeconds
        self.run = run
        self.wait = wait
        self.ticket = ticket
        self.attempt = attempt
    }
}

extension EnqueueReply {
    init(_ reply: ScriptReply) {
        switch reply.status {
        case "queued":
            self = .queued(ticket: Int64(reply.text(0)) ?? 0)
        case "granted":
            guard let grant = Grant(payload: reply.text(1)) else { fallthrough }
            self = .granted(ticket: Int64(reply.text(0)) ?? 0, grant)
        default:
            self = .refused(QueueRefusal(reply))
        }
    }
}

extension QueueRefusal {
    init(_ reply: ScriptReply) {
        switch reply.text(0) {
        case "unknown_pool": self = .unknownPool
        case "version_mismatch": self = .versionMismatch(versions: reply.text(1).split(separator: " ").map(String.init))
        case "tenant_queue_full": self = .tenantQueueFull(max: Int(reply.text(1)) ?? 0)
        case "queue_full": self = .queueFull
        case "too_many_selectors": self = .tooManySelectors
        case "would_wait": self = .wouldWait
        default: self = .storeFull
        }
    }
}
