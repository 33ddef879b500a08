/// The facts seen in Redis, by dialling, and on this machine. `Diagnosis` judges them.
public struct Facts: Hashable, Sendable {
    public var redis: RedisFacts
    /// nil if Redis could not be asked about the fleet.
    public var fleet: FleetFacts?
    public var door: DoorFacts
    public var machine: MachineFacts

    public init(redis: RedisFacts, fleet: FleetFacts?, door: DoorFacts, machine: MachineFacts) {
        self.redis = redis
        self.fleet = fleet
        self.door = door
        self.machine = machine
    }
}

public struct RedisFacts: Hashable, Sendable {
    /// The address, without a login.
    public var address: String
    /// The place that names the address: a flag, a variable, a line of the file.
    public var setting: String
    public var answer: Answer

    public enum Answer: Hashable, Sendable {
        case none(String)
        case given(Server)
    }

    public struct Server: Hashable, Sendable {
        /// As Redis says it; empty if Berth's user may not ask.
        public var version = ""
        public var isReplica = false
        /// nil if Berth's user may not ask.
        public var policy: String?
        /// How far the clock of Redis is ahead of this machine's; nil if it was not told.
        public var aheadMilliseconds: Int?
        public var roundTripMicroseconds = 0
        /// Commands that scripts need and Berth's user may not run.
        public var refusedCommands: [String] = []
        /// Why Redis did not run a script at all.
        public var scriptRefusal: String?

        public init() {}
    }

    public init(address: String, setting: String, answer: Answer) {
        self.address = address
        self.setting = setting
        self.answer = answer
    }
}

public struct FleetFacts: Hashable, Sendable {
    public var name: String
    public var gateways: [GatewayFacts]
    public var workers: [WorkerFacts]
    /// Whether this machine has a node secret, and where it was given.
    public var hasSecret: Bool
    public var secretSetting: String

    public init(
        name: String, gateways: [GatewayFacts], workers: [WorkerFacts], hasSecret: Bool, secretSetting: String
    ) {
        self.name = name
        self.gateways = gateways
        self.workers = workers
        self.hasSecret = hasSecret
        self.secretSetting = secretSetting
    }
}

public struct GatewayFacts: Hashable, Sendable {
    public var node: String
    /// Why it is suspended; empty if it is not.
    public var suspension: String

    public init(node: String, suspension: String = "") {
        self.node = node
        self.suspension = suspension
    }
}

public struct WorkerFacts: Hashable, Sendable {
    public var node: String
    /// The address that it advertises.
    public var address: String
    /// The state in Redis: probing, ok, suspect, quarantined or trial.
    public var state: String
    public var isDraining: Bool
    /// How long gateways wait until they try again; 0 if the last try did not fail.
    public var backoffMilliseconds: Int
    /// Why slots have no working sidecar; empty if all have one.
    public var trouble: String
    public var dial: Dial

    /// The result of a dial from this machine, with a probe as gateways send it.
    public enum Dial: Hashable, Sendable {
        /// The worker proved that it knows the secret of this machine.
        case alive
        /// Something took the connection and closed it without an answer.
        case closed
        /// The answer proves nothing.
        case unproved
        case unreachable(String)
        /// This machine could not dial.
        case local(String)
    }

    public init(
        node: String, address: String, state: String, isDraining: Bool = false, backoffMilliseconds: Int = 0,
        trouble: String = "", dial: Dial
    ) {
        self.node = node
        self.address = address
        self.state = state
        self.isDraining = isDraining
        self.backoffMilliseconds = backoffMilliseconds
        self.trouble = trouble
        self.dial = dial
    }
}

/// A client's way to a gateway.
public enum DoorFacts: Hashable, Sendable {
    case notAsked
    case answered(address: String, status: Int)
    case unreachable(address: String, words: String)
}

public struct MachineFacts: Hashable, Sendable {
    /// The most files that a process may open.
    public var openFiles: Int
    /// nil if this machine has no settings of a worker.
    public var worker: Worker?

    public struct Worker: Hashable, Sendable {
        public enum Programs: Hashable, Sendable {
            /// The pools, as they would be served.
            case found([String])
            case missing(String)
        }

        public var programs: Programs
        /// Whether a pool needs a browser.
        public var hasBrowser: Bool
        /// nil if there is no /dev/shm.
        public var sharedMemoryBytes: Int?
        public var fonts: Int

        public init(programs: Programs, hasBrowser: Bool, sharedMemoryBytes: Int?, fonts: Int) {
            self.programs = programs
            self.hasBrowser = hasBrowser
            self.sharedMemoryBytes = sharedMemoryBytes
            self.fonts = fonts
        }
    }

    public init(openFiles: Int, worker: Worker? = nil) {
        self.openFiles = openFiles
        self.worker = worker
    }
}
