import EventLoop
import Glibc
import QueueCore
import WorkerCore

/// One start of a sidecar: its work folder, its process group, the endpoint it names.
final class SidecarProcess {
    enum Event {
        case announced(SidecarEndpoint)
        case exited(String)
    }

    let pid: Int32
    private let child: ChildProcess
    private let box: Box

    /// What the child's callbacks reach: they may outlive whoever started it.
    private final class Box {
        var onEvent: ((Event) -> Void)?
        var isAnnounced = false
        /// It was asked to end and did so: then it has ended its children too.
        var endsInOrder = false
        /// Last line of output, for the log when it fails.
        var lastLine = ""
    }

    /// - Parameters:
    ///   - folder: made here, removed when the process is gone.
    ///   - environment: of the worker itself, the marks added.
    init(
        loop: Loop, program: SidecarProgram, pool: Pool, folder: String, environment: [String: String],
        onEvent: @escaping (Event) -> Void
    ) throws(WorkerFailure) {
        guard Files.makeFolder(folder) else {
            throw WorkerFailure("cannot make the work folder \(folder): \(String(cString: strerror(errno)))")
        }
        var environment = environment
        environment[SidecarMark.instanceKey] = folder
        let invocation = program.invocation(pool: pool, folder: folder)
        if let file = invocation.file, !Files.write("\(folder)/\(file.name)", file.content) {
            throw WorkerFailure("cannot write \(folder)/\(file.name): \(String(cString: strerror(errno)))")
        }
        let box = Box()
        box.onEvent = onEvent
        self.box = box
        do {
            child = try ChildProcess(
                loop: loop, arguments: invocation.arguments,
                environment: environment.merging(invocation.environment) { _, new in new }, workingDirectory: folder,
                onLine: { channel, line in
                    guard !box.isAnnounced else { return }
                    if let endpoint = program.endpoint(line: line, isStandardOutput: channel == .stdout) {
                        box.isAnnounced = true
                        box.onEvent?(.announced(endpoint))
                    } else {
                        box.lastLine = line
                    }
                },
                onExit: { exit in
                    // A browser it started has a group of its own and may be frozen.
                    if !box.endsInOrder { Leftovers.kill(instance: folder) }
                    Files.remove(folder)
                    let call = box.onEvent
                    box.onEvent = nil
                    call?(.exited(box.isAnnounced || box.lastLine.isEmpty ? "\(exit)" : "\(exit): \(box.lastLine)"))
                })
        } catch {
            Files.remove(folder)
            throw WorkerFailure("\(invocation.arguments[0]) cannot be started: \(error)")
        }
        pid = child.pid
    }

    func terminate() {
        box.endsInOrder = true
        child.signalGroup(SIGTERM)
    }

    func kill() {
        box.endsInOrder = false
        child.signalGroup(SIGKILL)
    }
}
