import QueueCore
import WorkerCore

/// Starts sidecars: on this machine (`LocalSidecars`), or in simulated time.
package protocol SidecarHost: AnyObject {
    /// Starts a sidecar.
    /// - Parameter onEvent: never called from inside this call; not called any more after `exited`.
    func start(
        _ start: SidecarStart, onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) -> any SidecarRun
    /// Nothing is left of sidecars that ended.
    var isIdle: Bool { get }
    /// Called when that becomes so.
    var onIdle: (() -> Void)? { get set }
}

/// Which sidecar to start.
package struct SidecarStart {
    package let slot: Int
    package let pool: Pool
    /// Starts for this slot so far, this one included.
    package let number: Int
}

/// A sidecar from its start until it is gone.
package protocol SidecarRun: AnyObject {
    /// nil where no process is behind it.
    var pid: Int32? { get }
    /// It is to end soon.
    func terminate()
    /// It ends now.
    func kill()
}

package enum SidecarRunEvent {
    /// It serves clients there.
    case announced(SidecarEndpoint)
    /// It names a URL that is not served, and why not.
    case misannounced(String)
    /// It has so many processes.
    case counted(processes: Int)
    case exited(SidecarEnding)
}
