import EventLoop
import Glibc
import QueueCore
import WorkerCore

/// The program, arguments and environment of one start of a sidecar.
struct SidecarInvocation {
    let arguments: [String]
    /// Added to the sidecars' environment.
    let environment: [String: String]
    /// A file to write before, in the work folder.
    let file: (name: String, content: String)?
}

/// One start of a sidecar that is a process: its work folder, its process group, the endpoint that it prints, and
/// its last output.
final class SidecarProcess: SidecarRun {
    let pid: Int32?
    private let child: ChildProcess
    private let loop: Loop
    private let box: Box
    private var probe: SidecarProbe?

    /// The niceness of a spare that starts, above the worker's own (setpriority(2)).
    static let spareNice: Int32 = 10

    /// For the child's callbacks, because they may outlive this object.
    private final class Box {
        var child: ChildProcess?
        var onEvent: ((SidecarRunEvent) -> Void)?
        var hasMisannounced = false
        var endpoint: SidecarEndpoint?
        /// Its processes run with less of the processor until it is ready, or a slot waits for it.
        var isNiced = false

        func hasten() {
            guard isNiced, let child else { return }
            isNiced = false
            child.setNiceness(0)
        }
    }

    /// - Parameters:
    ///   - isSpare: no slot waits for it.
    ///   - folder: the work folder of this start: made here, removed when the process is gone.
    ///   - read: finds the address that a line of the output announces.
    init(
        _ invocation: SidecarInvocation, isSpare: Bool, folder: String, at site: SidecarSite,
        read: @escaping (_ line: String, _ isStandardOutput: Bool) -> SidecarEndpoint.Reading,
        onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) {
        let sweeper = site.sweeper
        guard Files.makeFolder(folder) else {
            throw WorkerFailure("cannot make the work folder \(folder): \(String(cString: strerror(errno)))")
        }
        var environment = site.environment
        environment[SidecarMark.instanceKey] = folder
        if let file = invocation.file, !Files.write("\(folder)/\(file.name)", file.content) {
            let reason = String(cString: strerror(errno))
            sweeper.remove(folder)
            throw WorkerFailure("cannot write \(folder)/\(file.name): \(reason)")
        }
        loop = site.loop
        let box = Box()
        self.box = box
        box.onEvent = onEvent
        do {
            child = try ChildProcess(
                loop: site.loop, arguments: invocation.arguments,
                environment: environment.merging(invocation.environment) { _, new in new }, workingDirectory: folder,
                onLine: { channel, line in
                    switch read(line, channel == .stdout) {
                    case .nothing:
                        break
                    case .listens(let endpoint):
                        box.child?.ignoreLines()
                        box.endpoint = endpoint
                        box.hasten()
                        box.onEvent?(.announced(endpoint))
                    case .unusable(let why):
                        if !box.hasMisannounced { box.onEvent?(.misannounced(why)) }
                        box.hasMisannounced = true
                    }
                },
                onExit: { exit in
                    guard let child = box.child else { return }
                    box.child = nil
                    let (stdout, stderr) = (child.tail(of: .stdout), child.tail(of: .stderr))
                    let words = LastWords(
                        stdout: stdout.bytes, isCut: stdout.droppedBytes > 0, stderr: stderr.bytes,
                        isCut: stderr.droppedBytes > 0)
                    sweeper.end(instance: folder, pid: child.pid) { left in
                        sweeper.remove(folder)
                        let call = box.onEvent
                        box.onEvent = nil
                        call?(
                            .exited(
                                SidecarEnding(
                                    exit: "\(exit)", words: words,
                                    droppedBytes: stdout.droppedBytes + stderr.droppedBytes, left: left)))
                    }
                })
        } catch {
            sweeper.remove(folder)
            throw WorkerFailure("\(invocation.arguments[0]) cannot be started: \(error)")
        }
        box.child = child
        pid = child.pid
        if isSpare && ChildProcess.mayRaisePriority {
            box.isNiced = true
            child.setNiceness(SidecarProcess.spareNice)
        }
        sweeper.began(instance: folder, pid: child.pid) { box.onEvent?(.measured($0)) }
    }

    func hasten() { box.hasten() }

    func probe(done: @escaping (_ passed: Bool) -> Void) {
        guard let endpoint = box.endpoint else { return loop.afterThisTurn { done(false) } }
        probe = SidecarProbe(endpoint, loop: loop) { [weak self] passed in
            self?.probe = nil
            done(passed)
        }
    }

    func terminate() { child.signalGroup(SIGTERM) }

    func kill() { child.signalGroup(SIGKILL) }
}
