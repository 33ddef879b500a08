/// Bugs that can be planted on the machines' side, to show that the checkers find them.
public enum PlantedBug: String, CaseIterable, Sendable {
    /// A client that leaves is not told to Redis.
    case cancelForgotten
    /// A dial is closed before its verdict stands.
    case hangUpBeforeVerdict
    /// The proof is sent before Redis committed the accept.
    case proofBeforeAccept
    /// A session's end is not told to Redis.
    case releaseForgotten
    /// A slot is said to be ready while its sidecar is being replaced.
    case readyBeforeSidecar
    /// A gateway does not put those back into the queue that Redis lost, by whatever it hears of it.
    case lostWaitersIgnored
    /// A worker does not answer for a slot that recycles from a token it never saw.
    case recycleIgnored
    /// Nothing is collected but on a wake-up.
    case noPoll
    /// A cancel is sent before the enqueue that it takes back.
    case cancelOvertakes
    /// Scripts go by the clock of the machine that calls them.
    case callersClock
    /// A gateway takes back a slot that it lent, if it is told of the grant once more.
    case lentTakenBack
}

/// What a run may be told besides its seed.
public struct SimulationOptions: Sendable {
    public var mutant: Mutant?
    /// Nothing happens behind the first finding: a planted bug may go in circles.
    public var stopsAtFirst = false
    /// Keep a readable trace.
    public var isTraced = false
    /// The fleet is read and checked whole after each so manieth commit. Which of them, the seed says.
    public var looksEvery = 6

    public init() {}
}

/// What came of a run.
public struct SimulationResult: Sendable {
    public let findings: [String]
    /// The same for the same seed, always.
    public let hash: UInt64
    public let trace: [String]
    /// What happened how often, by name.
    public let counts: [String: Int]
    public let simulatedMilliseconds: Int64
}
