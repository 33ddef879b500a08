import Metrics

/// Facts of one process for its admin listener. The view of the fleet is separate, because all processes see the same.
package struct AdminFacts: Sendable {
    package var fleet = ""
    package var process = ""
    /// `gateway` or `worker`.
    package var role = ""
    package var version = ""
    package var grantsPerSecond = 0.0
    package var refusedShare = 0.0
    /// Seconds; nil if nobody was served of late.
    package var waitP50: Double?
    package var waitP99: Double?
    /// The commonest code of late; empty for none.
    package var refusedBy = ""
    package var refusedRecently = 0
    /// The oldest first, and how many there were since the start.
    package var happenings: [Happening] = []
    package var happeningsCount = 0
    /// Why no grant can be received; empty if the process is ready.
    package var objections: [String] = []

    package init() {}
}
