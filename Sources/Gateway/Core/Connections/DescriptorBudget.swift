/// How many descriptors each use in the gateway may take, so that no use takes those that another needs.
///
/// A parked client takes one descriptor, a relayed one two. A base is kept for the process itself, and a reserve for
/// dials, probes and refusals in words. Connections that have sent no whole head have a small share of the rest.
public struct DescriptorBudget: Hashable, Sendable {
    /// Listeners, Redis, logs, the loop's own.
    public static let base = 64
    /// Most connections without a whole head. A quarter of the room where that is less.
    public static let headsMax = 4_096
    /// A connection that is younger is not closed for a newer one: its head may be on the way.
    public static let headGraceMilliseconds: UInt64 = 10
    public let openFilesMax: Int
    public let reserve: Int

    /// - Parameter openFilesMax: RLIMIT_NOFILE.
    public init(openFilesMax: Int) {
        self.openFilesMax = openFilesMax
        reserve = min(4_096, openFilesMax / 4)
    }

    /// Clients beyond the budget that may be told so at a time; the others stay in the listener's backlog meanwhile. As
    /// many others that were answered may linger; for one more the oldest is closed.
    public var refusedMax: Int { max(1, min(256, reserve / 2)) }

    /// Connections without a whole head; for one more the oldest is closed.
    public var headsMax: Int {
        max(1, min(DescriptorBudget.headsMax, (openFilesMax - reserve - DescriptorBudget.base) / 4))
    }

    /// Whether one more client may be parked, beside so many parked and relayed ones.
    public func admits(parked: Int, relayed: Int) -> Bool {
        parked + 2 * relayed + reserve + DescriptorBudget.base < openFilesMax
    }
}
