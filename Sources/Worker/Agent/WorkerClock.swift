import EventLoop
import Queue

/// The clock of slots and sidecars: a loop's, or a simulator's.
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
