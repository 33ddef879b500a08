/// Decides what to log while a connection is down and retried: each reason once per outage, and the recovery.
public struct OutageLog: Sendable {
    /// Most reasons logged in one outage. Bounds the log if a server returns a new text each time.
    public static let reasonsMax = 8

    private var told: [String] = []

    public init() {}

    /// An attempt failed, or a connection broke. True if the reason must be logged.
    public mutating func failed(_ reason: String) -> Bool {
        guard told.count < OutageLog.reasonsMax, !told.contains(reason) else { return false }
        told.append(reason)
        return true
    }

    /// The connection works again. True if its outage was logged.
    public mutating func recovered() -> Bool {
        defer { told = [] }
        return !told.isEmpty
    }
}
