/// How many clients may be let in, so that parked ones never take the descriptors that dialling needs.
///
/// A parked client takes one descriptor, a relayed one two. What is held back: a base for the process itself, and a
/// reserve from which every dial, every probe and every refusal in words is served.
public struct DescriptorBudget: Hashable, Sendable {
    /// Listeners, Redis, logs, the loop's own.
    public static let base = 64
    public let openFilesMax: Int
    public let reserve: Int

    /// - Parameter openFilesMax: RLIMIT_NOFILE.
    public init(openFilesMax: Int) {
        self.openFilesMax = openFilesMax
        reserve = min(4_096, openFilesMax / 4)
    }

    /// Clients beyond the budget that may be told so at a time; the others stay in the listener's backlog meanwhile.
    public var refusedMax: Int { max(1, min(256, reserve / 2)) }

    /// Whether one more client may be parked, beside so many parked and relayed ones.
    public func admits(parked: Int, relayed: Int) -> Bool {
        parked + 2 * relayed + reserve + DescriptorBudget.base < openFilesMax
    }
}
