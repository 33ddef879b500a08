import EventLoop
import QueueCore
import WorkerCore

/// Starts a worker's sidecars on this machine, and ends and removes all that they leave.
final class LocalSidecars: SidecarHost {
    private let pools: [Pool: WorkerPool]
    private let site: SidecarSite

    /// - Parameters:
    ///   - folder: the worker's work folder; it exists.
    ///   - environment: of sidecars, marks included.
    init(_ pools: [WorkerPool], loop: Loop, folder: String, environment: [String: String]) {
        self.pools = Dictionary(pools.map { ($0.plan.pool, $0) }) { first, _ in first }
        site = SidecarSite(loop: loop, folder: folder, environment: environment, sweeper: Sweeper(loop: loop))
    }

    var isIdle: Bool { site.sweeper.isIdle }

    var onIdle: (() -> Void)? {
        get { site.sweeper.onIdle }
        set { site.sweeper.onIdle = newValue }
    }

    func start(
        _ start: SidecarStart, onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) -> any SidecarRun {
        guard let pool = pools[start.pool] else { preconditionFailure("sidecars start for the worker's pools alone") }
        return try pool.kind.start(start, at: site.adding(pool.environment), onEvent: onEvent)
    }

    /// Ends what sidecars left to this process and removes the folder of all their work folders. Call it when no
    /// sidecar runs.
    /// - Parameter done: called with the number of processes that did not end.
    func clear(done: @escaping (_ left: Int) -> Void) {
        let (sweeper, folder) = (site.sweeper, site.folder)
        sweeper.endStrangers { left in
            sweeper.onIdle = { [weak sweeper] in
                sweeper?.onIdle = nil
                done(left)
            }
            sweeper.remove(folder)
        }
    }
}
