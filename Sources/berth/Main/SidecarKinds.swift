import Configuration
import EventLoop
import QueueCore
import Worker

/// Makes the kinds of a worker's sidecars from its settings.
final class SidecarKinds {
    private let role: WorkerRole
    private var foundDriver: PlaywrightDriver?

    init(_ role: WorkerRole) { self.role = role }

    /// The pool as clients ask for it, and the kind of its sidecars.
    func kind(of pool: PoolRole) throws -> (Pool, any SidecarKind) {
        let browser = pool.servedBrowser
        let executable = pool.executable ?? PlaywrightDriver.executable(browser: browser, path: Host.path)
        let args = pool.args.isEmpty ? role.browserArgs[browser] ?? [] : pool.args
        switch pool.kind {
        case .command:
            return (try named(pool), CommandKind(pool.command))
        case .attach:
            return (try named(pool), AttachKind(pool.attach))
        case .lease:
            let kind = pool.names.isEmpty ? LeaseKind(slots: pool.slots) : LeaseKind(names: pool.names)
            return (try served(pool, browser: "", version: ""), kind)
        case .chromium:
            let kind = ChromiumKind(executable: executable, args: args, isHeadless: role.isHeadless)
            return (try served(pool, browser: browser, version: ""), kind)
        case .bidi:
            let kind = BidiKind(
                executable: pool.executable ?? BidiKind.executable(browser: browser, path: Host.path),
                // Arguments for Chromium are none for chromedriver.
                args: browser == "chromium" ? pool.args : args, isHeadless: role.isHeadless)
            return (try served(pool, browser: browser, version: ""), kind)
        case .playwright:
            let driver = try driver()
            let kind = PlaywrightKind(
                driver, executable: executable, args: args, isHeadless: role.isHeadless,
                launcher: ChromiumLauncher(program: OwnProgram.path))
            return (try served(pool, browser: browser, version: driver.version), kind)
        }
    }

    /// Berth does not know what the program or the endpoint serves, so the file says it.
    private func named(_ pool: PoolRole) throws -> Pool {
        try served(pool, browser: pool.namedBrowser ?? "", version: pool.namedVersion ?? "")
    }

    private func served(_ pool: PoolRole, browser: String, version: String) throws -> Pool {
        guard
            let served = Pool(
                label: pool.label, browser: browser, version: version, slotProtocol: pool.servedProtocol)
        else {
            throw Fatal("pool \(pool.label): browser \"\(browser)\" or version \"\(version)\" is not a name")
        }
        return served
    }

    private func driver() throws -> PlaywrightDriver {
        if let foundDriver { return foundDriver }
        var environment = Host.environment
        // The .venv in this folder counts without being activated, because `make setup` makes one.
        if environment["VIRTUAL_ENV"] == nil, let here = Host.folder,
            Files.isExecutable("\(here)/.venv/bin/python")
        {
            environment["VIRTUAL_ENV"] = "\(here)/.venv"
        }
        let driver = try PlaywrightDriver.find(
            folder: role.playwrightDriver, environment: environment, directory: Host.folder)
        foundDriver = driver
        return driver
    }
}
