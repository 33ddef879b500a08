import EventLoop
import QueueCore
import WorkerCore

/// Any program that prints a `ws://` URL, on whichever output.
package struct CommandKind: SidecarKind {
    /// The program and its arguments.
    let words: [String]

    package init(_ words: [String]) { self.words = words }

    /// The path becomes absolute, because sidecars run in folders of their own.
    package func checked(for pool: Pool, on machine: SidecarMachine) throws(WorkerFailure) -> any SidecarKind {
        guard let found = Files.program(words[0], path: machine.path) else {
            throw WorkerFailure("pool \(pool.label), command: there is no program \(words[0]) here")
        }
        return CommandKind([found] + words.dropFirst())
    }

    package func start(
        _ start: SidecarStart, at site: SidecarSite, onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) -> any SidecarRun {
        let folder = site.folder(of: start)
        let invocation = SidecarInvocation(arguments: words, environment: ["TMPDIR": folder], file: nil)
        return try SidecarProcess(
            invocation, isSpare: start.isSpare, folder: folder, at: site,
            read: { line, _ in SidecarEndpoint.read(line) }, onEvent: onEvent)
    }
}
