import EventLoop
import WorkerCore

/// Starts sidecars as processes of this machine, and leaves nothing of them behind.
final class SidecarProcesses: SidecarHost {
    private let loop: Loop
    private let program: SidecarProgram
    private let folder: String
    private let environment: [String: String]
    private let sweeper: Sweeper

    /// - Parameters:
    ///   - folder: the worker's work folder; it exists.
    ///   - environment: of sidecars, marks included.
    init(loop: Loop, program: SidecarProgram, folder: String, environment: [String: String]) {
        self.loop = loop
        self.program = program
        self.folder = folder
        self.environment = environment
        sweeper = Sweeper(loop: loop)
    }

    var isIdle: Bool { sweeper.isIdle }

    var onIdle: (() -> Void)? {
        get { sweeper.onIdle }
        set { sweeper.onIdle = newValue }
    }

    func start(
        _ start: SidecarStart, onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) -> any SidecarRun {
        try SidecarProcess(
            loop: loop, program: program, pool: start.pool,
            folder: "\(folder)/\(WorkFolderPath.name(slot: start.slot, start: start.number))",
            environment: environment, sweeper: sweeper, onEvent: onEvent)
    }

    /// Ends what sidecars left to this process and removes the folder of all their work folders. Call it when no sidecar runs.
    /// - Parameter done: is told how many processes could not be ended.
    func clear(done: @escaping (_ left: Int) -> Void) {
        sweeper.endStrangers { [sweeper, folder] left in
            sweeper.onIdle = { [weak sweeper] in
                sweeper?.onIdle = nil
                done(left)
            }
            sweeper.remove(folder)
        }
    }
}
