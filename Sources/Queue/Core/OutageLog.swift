/// What is worth a line while something is away and tried again and again: each reason once an outage, and its end.
public struct OutageLog: Sendable {
    /// Reasons told in one outage; a server that finds ever new words is not repeated for ever.
    public static let reasonsMax = 8

    private var told: [String] = []

    public init() {}

    /// An attempt failed, or what was there broke off. True when this is news.
    public mutating func failed(_ reason: String) -> Bool {
        guard told.count < OutageLog.reasonsMax, !told.contains(reason) else { return false }
        told.append(reason)
        return true
    }

    /// It is back. True when an outage was told of.
    public mutating func recovered() -> Bool {
        defer { told = [] }
        return !told.isEmpty
    }
}
