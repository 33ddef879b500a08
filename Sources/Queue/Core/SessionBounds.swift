/// The time limits that a client sets for its own session. They ride on the grant, and the worker enforces them, so that
/// a gateway that is lost or frozen cannot hold a slot.
public struct SessionBounds: Hashable, Sendable {
    /// The shortest limit, in milliseconds.
    public static let millisecondsMin = 1_000
    /// From the sidecar's first byte; `nil` for no limit.
    public var ttlMilliseconds: Int?
    /// Without a byte of a message in either direction; `nil` for no limit. Control frames do not count.
    public var idleMilliseconds: Int?

    public static let none = SessionBounds()

    public init(ttlMilliseconds: Int? = nil, idleMilliseconds: Int? = nil) {
        self.ttlMilliseconds = ttlMilliseconds
        self.idleMilliseconds = idleMilliseconds
    }
}
