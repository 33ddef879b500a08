import QueueCore
import WorkerCore

/// Starts sidecars: on this machine (`LocalSidecars`), or in simulated time.
package protocol SidecarHost: AnyObject {
    /// Starts a sidecar.
    /// - Parameter onEvent: never called from inside this call; not called any more after `exited`.
    func start(
        _ start: SidecarStart, onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) -> any SidecarRun
    /// True if nothing is left of sidecars that ended.
    var isIdle: Bool { get }
    /// Called when `isIdle` becomes true.
    var onIdle: (() -> Void)? { get set }
}

/// Which sidecar to start.
package struct SidecarStart {
    /// Its number at the worker.
    package let sidecar: Int
    package let pool: Pool
    /// Starts of this sidecar so far, this one included.
    package let number: Int
    /// No slot waits for it: it starts with less of the processor, so that sessions are not slowed down.
    package let isSpare: Bool
}

/// A sidecar from its start until it is gone.
package protocol SidecarRun: AnyObject {
    /// nil if it is no process.
    var pid: Int32? { get }
    /// A slot waits for it now.
    func hasten()
    /// Makes a handshake with it, as a client does.
    /// - Parameter done: called once, never from inside this call; not called after `exited`.
    func probe(done: @escaping (_ passed: Bool) -> Void)
    /// Asks it to end.
    func terminate()
    /// Ends it at once.
    func kill()
}

package enum SidecarRunEvent {
    /// It serves clients at this endpoint, or without one. A later announcement replaces the endpoint.
    case announced(SidecarEndpoint?)
    /// It printed a URL that is not served, for this reason.
    case misannounced(String)
    /// Its processes and their memory, now and then.
    case measured(SidecarSize)
    case exited(SidecarEnding)
}
