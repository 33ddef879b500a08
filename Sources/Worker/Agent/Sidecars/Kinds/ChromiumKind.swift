import EventLoop
import Glibc
import QueueCore
import WorkerCore

/// A Chromium of its own for each client, which speaks the DevTools protocol (CDP) with it.
package struct ChromiumKind: SidecarKind {
    /// The browser's program; nil if there is none.
    let executable: String?
    /// More arguments for the browser.
    let args: [String]
    let isHeadless: Bool
    /// `Chrome/156.0.8078.108`, as browsers name themselves in `/json/version`. nil before `checked`.
    package let product: String?
    package let isBrowser = true

    package init(executable: String?, args: [String] = [], isHeadless: Bool = true) {
        self.init(executable: executable, args: args, isHeadless: isHeadless, product: nil)
    }

    private init(executable: String?, args: [String], isHeadless: Bool, product: String?) {
        self.executable = executable
        self.args = args
        self.isHeadless = isHeadless
        self.product = product
    }

    /// The version is read once, because each start of a browser costs a part of a second.
    package func checked(for pool: Pool, on machine: SidecarMachine) throws(WorkerFailure) -> any SidecarKind {
        if let words = WorkFolderPath.objection(to: machine.temporaryFolder) { throw WorkerFailure(words) }
        guard let executable else {
            throw WorkerFailure("pool \(pool.label): \(PlaywrightBrowsers.missing("chromium"))")
        }
        let found = try machine.program(executable, of: pool)
        let version: String
        do throws(WorkerFailure) {
            version = try ProgramVersion.ask(found, environment: machine.environment)
        } catch {
            throw WorkerFailure("pool \(pool.label), executable: \(error)")
        }
        return ChromiumKind(executable: found, args: args, isHeadless: isHeadless, product: "Chrome/\(version)")
    }

    package func start(
        _ start: SidecarStart, at site: SidecarSite, onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) -> any SidecarRun {
        let folder = site.folder(of: start)
        return try SidecarProcess(
            invocation(folder: folder, isRoot: geteuid() == 0), isSpare: start.isSpare, folder: folder, at: site,
            read: read, onEvent: onEvent)
    }

    func invocation(folder: String, isRoot: Bool) -> SidecarInvocation {
        var arguments = [executable ?? "chromium"]
        if isHeadless { arguments.append("--headless=new") }
        // Chromium does not run its sandbox as root.
        if isRoot { arguments.append("--no-sandbox") }
        arguments += [
            "--remote-debugging-port=0", "--user-data-dir=\(folder)/profile", "--no-first-run",
            "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--password-store=basic",
            // /dev/shm is 64 MiB in most containers, and a browser that fills it crashes.
            "--disable-dev-shm-usage",
        ]
        // The address of the first page comes last.
        arguments += args + ["about:blank"]
        if isHeadless { arguments = arguments.prefix(1) + ChromiumFeatures.disabled(in: Array(arguments.dropFirst())) }
        // The browser writes crash records and caches to the work folder, and they are removed with it.
        return SidecarInvocation(arguments: arguments, environment: ["TMPDIR": folder, "HOME": folder], file: nil)
    }

    /// Other lines may quote a URL of a page.
    func read(line: String, isStandardOutput: Bool) -> SidecarEndpoint.Reading {
        !isStandardOutput && line.hasPrefix("DevTools listening on ") ? SidecarEndpoint.read(line) : .nothing
    }
}
