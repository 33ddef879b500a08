import EventLoop

/// A client waits for its errand: for a place in the queue and then a slot, for a session that it attaches to, or for an
/// answer of Redis.
package protocol Errand: AnyObject {
    /// Milliseconds of the loop's clock at which the owner calls `deadlinePassed`, until the errand has ended.
    var nextCheck: UInt64 { get }
    func begin()
    /// The client closed its connection.
    func clientLeft()
    /// The client sent bytes that it must not send before it was answered.
    func clientBroke()
    /// `nextCheck` is over.
    func deadlinePassed()
    /// The gateway's drain time is over.
    func drainTimePassed()
    /// The session's connections are closed.
    func sessionEnded(_ end: Relay.End)
}
