/// One thing that the doctor looked at, and what it came to.
public struct Finding: Hashable, Sendable {
    public enum Verdict: String, Hashable, Sendable {
        case ok, wrong
        /// It could not be judged from here.
        case skipped
    }

    public let check: Check
    public let verdict: Verdict
    public let words: String
    /// The line to change; empty if nothing is wrong.
    public let change: String

    public init(_ check: Check, _ verdict: Verdict, _ words: String, change: String = "") {
        self.check = check
        self.verdict = verdict
        self.words = words
        self.change = change
    }
}

/// All that the doctor looks at. `docs/reference/doctor.md` has a row for each.
public enum Check: String, Hashable, Sendable, CaseIterable {
    case reach = "redis.reach"
    case version = "redis.version"
    case role = "redis.role"
    case policy = "redis.policy"
    case clock = "redis.clock"
    case rights = "redis.rights"
    case gateways = "fleet.gateways"
    case workers = "fleet.workers"
    case address = "worker.address"
    case sidecars = "worker.sidecars"
    case secret = "node.secret"
    case door = "gateway.door"
    case openFiles = "machine.files"
    case sharedMemory = "machine.shm"
    case programs = "machine.sidecars"
    case fonts = "machine.fonts"

    /// The path of the fleet that it belongs to.
    public var path: Path {
        switch self {
        case .reach, .version, .role, .policy, .clock, .rights: .redis
        case .gateways, .workers, .address, .sidecars, .secret: .workers
        case .door: .clients
        case .openFiles, .sharedMemory, .programs, .fonts: .machine
        }
    }
}

/// The three paths of a fleet, and the machine that the doctor runs on.
public enum Path: String, Hashable, Sendable, CaseIterable {
    case redis = "gateways and workers → Redis"
    case workers = "gateways → workers"
    case clients = "clients → gateway"
    case machine = "this machine"
}
