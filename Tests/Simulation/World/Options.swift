/// Bugs that can be planted on the machines' side, to show that the checkers find them.
public enum PlantedBug: String, CaseIterable, Sendable {
    /// A grant for a waiter that is gone is dropped instead of answered by a cancel.
    case unknownGrantDropped
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
}

/// A text in the scripts that is replaced when they are loaded.
public struct ScriptChange: Sendable {
    public let text: String
    public let by: String

    public init(_ text: String, by: String) {
        self.text = text
        self.by = by
    }
}

/// What a run may be told besides its seed.
public struct SimulationOptions: Sendable {
    public var scriptChanges: [ScriptChange] = []
    public var bugs: Set<PlantedBug> = []
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
