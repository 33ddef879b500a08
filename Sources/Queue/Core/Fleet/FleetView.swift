/// The records of a fleet, for operators. The script `survey` reads them from Redis slice by slice.
///
/// A slice is exact at its time. What changes between two slices is seen as it was before or as it is after. Pools are
/// texts, `label|browser|version|protocol`, because a pool that scales from zero has no protocol yet.
public struct FleetView: Hashable, Sendable {
    public struct Head: Hashable, Sendable {
        /// The layout of the data; empty in an empty Redis.
        public var schema = ""
        public var epoch: Int64 = 0
        /// Redis lost data: no slot is granted until processes have declared again what they hold.
        public var isRecovering = false
        /// The time that processes have to register anew after an outage of Redis.
        public var graceMilliseconds = 0
        /// Clients in the line.
        public var waiting = 0
        /// Work that scripts have left for the next sweep.
        public var todo = 0
        /// Redis' clock at the first slice, milliseconds since 1970.
        public var atMilliseconds: Int64 = 0
        /// The arrival of the first client of the line; nil if nobody waits.
        public var oldestMilliseconds: Int64?
        /// The number of the last token. Each grant takes the next number.
        public var tokens: Int64 = 0
    }

    public struct Gateway: Hashable, Sendable {
        public let id: String
        public let waiters: Int
        /// Its waiters that get no slot until it hears its grants again.
        public let aside: Int
        /// Why it is suspended; empty if it is not.
        public let suspension: String
    }

    public struct Worker: Hashable, Sendable {
        public let id: String
        public let address: String
        public let state: String
        public let isDraining: Bool
        /// Why slots have no fit sidecar; empty if all have one.
        public let trouble: String
        /// When it counts as dead if it is not heard before, milliseconds since 1970.
        public let dueMilliseconds: Int64
        /// How long gateways do not try it, after failures in a row.
        public let backoffMilliseconds: Int
        /// Sessions after which it ends; 0 for no bound.
        public let sessionsMax: Int
        public let sessionsServed: Int
        /// The start of its process, milliseconds since 1970; nil if it is of an earlier release, which does not say.
        public let startedMilliseconds: Int64?
        /// The version of its program; empty if it does not say.
        public let version: String
        /// By slot number.
        public internal(set) var slots: [Slot] = []

        /// True if a heartbeat is overdue. A heartbeat sets `dueMilliseconds` to a whole lifetime from then.
        public func isLate(at milliseconds: Int64) -> Bool {
            dueMilliseconds - milliseconds
                < Int64(QueueLimits.processTTLMilliseconds - 2 * QueueLimits.heartbeatMilliseconds)
        }
    }

    public struct Slot: Hashable, Sendable {
        public let number: Int
        public let state: SlotState
        public let pool: String
        /// The session; empty unless the slot is leased.
        public let lease: String
        public let tenant: String
        /// `granted`, `reserved`, `attaching`, `accepted` or `kept`; empty unless the slot is leased.
        public let leaseState: String
        public let waiter: String
        /// The run of the session; empty if it has none.
        public let run: String
        /// When the session was first accepted, milliseconds since 1970; nil before.
        public let sinceMilliseconds: Int64?
    }

    /// The clients of one tenant that ask for the same.
    public struct Queue: Hashable, Sendable {
        public let selector: String
        /// The pools that fit, best first.
        public let pools: [String]
        public let tenant: String
        public let count: Int
        /// The effective order of the first one: microseconds since 1970, minus its head start.
        public let score: Int64
        /// The arrival of the first one.
        public let oldestMilliseconds: Int64
    }

    /// A waiter of the line.
    public struct Waiter: Hashable, Sendable {
        public let id: String
        public let tenant: String
        public let selector: String
        /// Microseconds since 1970.
        public let ticket: Int64
        public let score: Int64
        public let run: String
        public let gateway: String

        public var arrivedMilliseconds: Int64 { ticket / 1_000 }
    }

    /// A waiter of a suspended gateway.
    struct Aside: Hashable, Sendable {
        let tenant: String
        let pools: [String]
    }

    public internal(set) var head = Head()
    /// By name: the values in force, as the scripts read them.
    public internal(set) var settings: [String: String] = [:]
    public internal(set) var pools: [String] = []
    public internal(set) var gateways: [Gateway] = []
    public internal(set) var workers: [Worker] = []
    public internal(set) var queues: [Queue] = []
    /// Today's, by tenant. `*`: tenants that are not told apart.
    public internal(set) var uses: [String: Use] = [:]
    /// The first waiters, in order.
    public internal(set) var line: [Waiter] = []
    var asides: [Aside] = []

    public init() {}

    /// Waiters of suspended gateways.
    public var aside: Int { gateways.reduce(0) { $0 + $1.aside } }
    public var slots: some Sequence<Slot> { workers.lazy.flatMap(\.slots) }
}

/// The states of a slot's record, in the order in which they are listed.
public enum SlotState: String, Hashable, Sendable, CaseIterable {
    case free, leased, recycling, draining, out
}
