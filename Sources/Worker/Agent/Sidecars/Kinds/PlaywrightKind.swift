import EventLoop
import QueueCore
import WorkerCore

/// Playwright's browser server, `launch-server`.
package struct PlaywrightKind: SidecarKind {
    let driver: PlaywrightDriver
    /// The browser of pools whose label names none.
    let browser: String
    /// Programs by browser, where Playwright has no build of its own.
    let executables: [String: String]

    package init(_ driver: PlaywrightDriver, browser: String, executables: [String: String]) {
        self.driver = driver
        self.browser = browser
        self.executables = executables
    }

    package func pools(_ text: String) throws(PoolConfig.Failure) -> [Pool] {
        try PoolConfig.parse(text, isPlaywright: true, defaultBrowser: browser, version: driver.version)
    }

    package func checked(for pools: [Pool], on machine: SidecarMachine) throws(WorkerFailure) -> any SidecarKind {
        let browsers = Set(pools.map(\.browser))
        // Other browsers make no unix sockets.
        if browsers.contains("chromium"), let words = WorkFolderPath.objection(to: machine.temporaryFolder) {
            throw WorkerFailure(words)
        }
        var executables = executables
        for browser in browsers {
            if let program = executables[browser] {
                // The path must be absolute, because sidecars run in folders of their own.
                guard let found = Files.program(program, path: machine.path) else {
                    throw WorkerFailure("--executable: \(program) cannot be run")
                }
                executables[browser] = found
            } else if !PlaywrightBrowsers.isInstalled(browser, environment: machine.environment) {
                throw WorkerFailure(PlaywrightBrowsers.missing(browser))
            }
        }
        return PlaywrightKind(driver, browser: browser, executables: executables)
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
        let config = PlaywrightDriver.config(browser: pool.browser, executable: executables[pool.browser])
        let arguments = [
            driver.node, driver.script, "launch-server", "--browser", pool.browser, "--config", "\(folder)/launch.json",
        ]
        // The browser writes its profile and crash records to the work folder, and they are removed with it.
        return SidecarInvocation(
            arguments: arguments, environment: ["TMPDIR": folder, "HOME": folder],
            file: (name: "launch.json", content: config))
    }

    /// Standard error is not read, because the browser prints a URL of its own there.
    func read(line: String, isStandardOutput: Bool) -> SidecarEndpoint.Reading {
        isStandardOutput ? SidecarEndpoint.read(line) : .nothing
    }
}
