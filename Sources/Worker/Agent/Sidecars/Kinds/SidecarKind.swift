import EventLoop
import QueueCore
import WorkerCore

/// A kind of sidecar: all that differs from other kinds. Each kind has one file.
package protocol SidecarKind {
    /// This kind, with the paths of all programs that its sidecars need. It fails if one is missing, so that the worker
    /// does not start, and no client waits in vain.
    func checked(for pool: Pool, on machine: SidecarMachine) throws(WorkerFailure) -> any SidecarKind
    /// Starts a sidecar, and announces its endpoint when it serves clients.
    func start(
        _ start: SidecarStart, at site: SidecarSite, onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) -> any SidecarRun
    /// A session of the pool, which has not begun.
    func session(_ connection: GrantedConnection) -> any SlotSession
    /// The browser and its version, as `Chrome/156.0.8078.108`, after `checked`. nil if the kind does not know.
    var product: String? { get }
    /// Its sidecars are browsers, which use /dev/shm.
    var isBrowser: Bool { get }
}

extension SidecarKind {
    package func session(_ connection: GrantedConnection) -> any SlotSession { Session(connection) }
    package var product: String? { nil }
    package var isBrowser: Bool { false }
}

/// The machine that sidecars run on.
package struct SidecarMachine {
    package let environment: [String: String]
    /// The folder for temporary files.
    package let temporaryFolder: String

    package init(environment: [String: String], temporaryFolder: String) {
        self.environment = environment
        self.temporaryFolder = temporaryFolder
    }

    var path: String { environment["PATH"] ?? ProcessEnvironment.defaultPath }

    /// The absolute path of the setting `executable`, because sidecars run in folders of their own.
    func program(_ executable: String, of pool: Pool) throws(WorkerFailure) -> String {
        guard let found = Files.program(executable, path: path) else {
            throw WorkerFailure("pool \(pool.label), executable: \(executable) cannot be run")
        }
        return found
    }
}

/// The place of a worker's sidecars.
package struct SidecarSite {
    let loop: Loop
    /// The worker's work folder; it exists.
    let folder: String
    /// The environment of a sidecar, with the marks by which its processes are found.
    let environment: [String: String]
    let sweeper: Sweeper

    func adding(_ variables: [String: String]) -> SidecarSite {
        SidecarSite(
            loop: loop, folder: folder, environment: environment.merging(variables) { _, new in new }, sweeper: sweeper)
    }

    /// The work folder of one start.
    func folder(of start: SidecarStart) -> String {
        "\(folder)/\(WorkFolderPath.name(sidecar: start.sidecar, start: start.number))"
    }
}
