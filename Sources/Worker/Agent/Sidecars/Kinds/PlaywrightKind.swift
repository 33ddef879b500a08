import EventLoop
import QueueCore
import WorkerCore

/// Playwright's browser server, `launch-server`.
package struct PlaywrightKind: SidecarKind {
    let driver: PlaywrightDriver
    /// The browser's program, if it is not Playwright's build.
    let executable: String?
    /// More arguments for the browser.
    let args: [String]
    let isHeadless: Bool
    /// Starts a headless Chromium; nil if Playwright starts the browser's program itself.
    let launcher: ChromiumLauncher?
    package let isBrowser = true

    package init(
        _ driver: PlaywrightDriver, executable: String?, args: [String] = [], isHeadless: Bool = true,
        launcher: ChromiumLauncher? = nil
    ) {
        self.driver = driver
        self.executable = executable
        self.args = args
        self.isHeadless = isHeadless
        self.launcher = launcher
    }

    package func checked(for pool: Pool, on machine: SidecarMachine) throws(WorkerFailure) -> any SidecarKind {
        // Other browsers make no unix sockets.
        if pool.browser == "chromium", let words = WorkFolderPath.objection(to: machine.temporaryFolder) {
            throw WorkerFailure(words)
        }
        guard let executable else {
            guard PlaywrightBrowsers.isInstalled(pool.browser, environment: machine.environment) else {
                throw WorkerFailure(PlaywrightBrowsers.missing(pool.browser))
            }
            return self
        }
        let found = try machine.program(executable, of: pool)
        return PlaywrightKind(driver, executable: found, args: args, isHeadless: isHeadless, launcher: launcher)
    }

    package func start(
        _ start: SidecarStart, at site: SidecarSite, onEvent: @escaping (SidecarRunEvent) -> Void
    ) throws(WorkerFailure) -> any SidecarRun {
        let folder = site.folder(of: start)
        return try SidecarProcess(
            invocation(pool: start.pool, folder: folder), isSpare: start.isSpare, folder: folder, at: site, read: read,
            onEvent: onEvent)
    }

    func invocation(pool: Pool, folder: String) -> SidecarInvocation {
        // The browser writes its profile and crash records to the work folder, and they are removed with it.
        var environment = ["TMPDIR": folder, "HOME": folder]
        var program = executable
        if let launcher, let executable, pool.browser == "chromium", isHeadless {
            environment.merge(launcher.environment(of: executable)) { $1 }
            program = launcher.program
        }
        let config = PlaywrightDriver.config(
            browser: pool.browser, executable: program, args: args, isHeadless: isHeadless)
        let arguments = [
            driver.node, driver.script, "launch-server", "--browser", pool.browser, "--config", "\(folder)/launch.json",
        ]
        return SidecarInvocation(
            arguments: arguments, environment: environment, file: (name: "launch.json", content: config))
    }

    /// Standard error is not read, because the browser prints a URL of its own there.
    func read(line: String, isStandardOutput: Bool) -> SidecarEndpoint.Reading {
        isStandardOutput ? SidecarEndpoint.read(line) : .nothing
    }
}
