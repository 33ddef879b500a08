import QueueCore
import WorkerCore

/// What a worker starts in each slot.
public enum SidecarProgram: Sendable {
    /// Playwright's browser server. `executables` maps a browser to its program, where Playwright has none of its own.
    case playwright(PlaywrightDriver, executables: [String: String])
    /// Any program that prints a `ws://` URL.
    case command([String])

    /// What to run for one start of a sidecar.
    struct Invocation {
        let arguments: [String]
        let environment: [String: String]
        /// A file to write before, in the work folder.
        let file: (name: String, content: String)?
    }

    /// - Parameter folder: the work folder of this start; removed when the sidecar is gone.
    func invocation(pool: Pool, folder: String) -> Invocation {
        switch self {
        case .command(let words):
            return Invocation(arguments: words, environment: ["TMPDIR": folder], file: nil)
        case .playwright(let driver, let executables):
            let config = PlaywrightDriver.config(browser: pool.browser, executable: executables[pool.browser])
            let arguments = [
                driver.node, driver.script, "launch-server", "--browser", pool.browser, "--config",
                "\(folder)/launch.json",
            ]
            // The browser's profile and crash records lie in the work folder and go with it.
            return Invocation(
                arguments: arguments, environment: ["TMPDIR": folder, "HOME": folder],
                file: (name: "launch.json", content: config))
        }
    }

    /// Reads the address that a line of the sidecar's output announces.
    func read(line: String, isStandardOutput: Bool) -> SidecarEndpoint.Reading {
        switch self {
        case .command: SidecarEndpoint.read(line)
        // On the other output its browser speaks, which names a URL of its own.
        case .playwright: isStandardOutput ? SidecarEndpoint.read(line) : .nothing
        }
    }
}
