import QueueCore

/// A gateway's request to queue one client.
public struct EnqueueRequest: Sendable {
    public let waiter: WaiterID
    public let tenant: String
    public let selector: Selector
    /// Seconds of head start that the client asks for. The tenant's limit bounds it.
    public let headStartSeconds: Int
    /// The caller's CI run; "" if it has none.
    public let run: String
    /// If false, refuse with `wouldWait` instead of queueing.
    public let wait: Bool
    /// The old ticket of a waiter that is queued again after Redis ended its gateway or lost its data.
    public let ticket: Int64?
    /// The number of grants that the waiter has had.
    public let attempt: Int
    /// A name chosen by the caller, unique per tenant while the waiter lives; "" for none.
    public let alias: String
    /// How long the slot is kept after the client's socket dropped; at most `QueueLimits.keepSecondsMax`.
    public let keepSeconds: Int

    public init(
        waiter: WaiterID, tenant: String, selector: Selector, headStartSeconds: Int, run: String, wait: Bool,
        ticket: Int64?, attempt: Int, alias: String = "", keepSeconds: Int = 0
    ) {
        self.waiter = waiter
        self.tenant = tenant
        self.selector = selector
        self.headStartSeconds = headStartSeconds
        self.run = run
        self.wait = wait
        self.ticket = ticket
        self.attempt = attempt
        self.alias = alias
        self.keepSeconds = keepSeconds
    }

    /// The arguments of the script `enqueue`.
    var arguments: [String] {
        [
            waiter.text, tenant, selector.description, String(headStartSeconds), run, wait ? "1" : "0",
            ticket.map { String($0) } ?? "", String(attempt), alias, String(keepSeconds),
        ]
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
        case "gone":
            self = .gone(EndReason(word: reply.text(0)))
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
        case "queue_full": self = .queueFull(max: Int(reply.text(1)) ?? 0)
        case "too_many_selectors": self = .tooManySelectors
        case "would_wait": self = .wouldWait
        case "alias_taken": self = .aliasTaken
        default: self = .storeFull
        }
    }
}

extension Obstacle {
    /// `nil` if the reply names no reason that this version knows.
    init?(_ reply: ScriptReply) {
        guard let reason = Place.Reason(rawValue: reply.text(0)) else { return nil }
        self.init(reason, held: reply.number(1), cap: reply.number(2))
    }
}

extension RejectReply {
    init(_ reply: ScriptReply) {
        switch reply.status {
        case "requeued": self = .requeued
        case "nobody_else": self = .nobodyElse
        case "detached": self = .detached
        case "gone": self = .gone(EndReason(word: reply.text(0)))
        default: self = .ended
        }
    }
}

extension AttachReply {
    init(_ reply: ScriptReply) {
        switch reply.status {
        case "granted":
            guard let grant = Grant(payload: reply.text(0), attach: reply.number(1)) else { fallthrough }
            self = .granted(grant, tenant: reply.text(2))
        case "already_attached": self = .alreadyAttached
        case "forbidden": self = .forbidden
        case "recovering": self = .recovering
        default: self = .gone
        }
    }
}

extension EndTarget {
    /// The kind of target and its id, as arguments of `finish`.
    var words: [String] {
        switch self {
        case .waiter(let name): ["waiter", name]
        case .lease(let id): ["lease", id.description]
        case .run(let name): ["run", name]
        case .tenant: ["tenant", ""]
        }
    }
}
