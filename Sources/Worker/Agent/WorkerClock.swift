import EventLoop
import Queue

/// The time that slots and sidecars go by: a loop's, or a simulator's.
package protocol WorkerClock: AnyObject {
    /// Milliseconds of a monotonic clock.
    var now: UInt64 { get }
    /// Calls `body` once, after so many milliseconds.
    func call(after milliseconds: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall
    /// Calls `body` soon, never from inside this call.
    func afterThisTurn(_ body: @escaping () -> Void)
}

extension Loop: WorkerClock {
    package func call(after milliseconds: UInt64, _ body: @escaping () -> Void) -> any ScheduledCall {
        schedule(after: milliseconds, body)
    }
}
