/// How many clients may be let in, so that parked ones never take the descriptors that dialling needs.
///
/// A parked client takes one descriptor, a relayed one two. What is held back: a base for the process itself, and a
/// reserve from which every dial, every probe and every refusal in words is served.
public struct DescriptorBudget: Hashable, Sendable {
    /// Listeners, Redis, logs, the loop's own.
    public static let base = 64
    /// Most refused clients whose close still lingers, whatever the limit.
    static let lingeringMax = 256

    public let openFilesMax: Int
    public let reserve: Int

    /// - Parameter openFilesMax: RLIMIT_NOFILE.
    public init(openFilesMax: Int) {
        self.openFilesMax = openFilesMax
        reserve = min(4_096, openFilesMax / 4)
    }

    /// Refused clients whose close may linger until they have read their words; beyond it they are closed as soon as
    /// their answer is written. Half of the reserve stays for dialling.
    public var lingeringMax: Int { min(DescriptorBudget.lingeringMax, reserve / 2) }

    public func admits(parked: Int, relayed: Int) -> Bool {
        parked + 2 * relayed + reserve + DescriptorBudget.base < openFilesMax
    }
}
