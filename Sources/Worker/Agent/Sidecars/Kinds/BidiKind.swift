import EventLoop
import QueueCore
import WorkerCore

/// A browser for one client that speaks WebDriver BiDi: Firefox itself, or chromedriver, which starts a Chromium when
/// the client asks for a session.
package struct BidiKind: SidecarKind {
    /// The program: Firefox or chromedriver; nil if there is none.
    let executable: String?
    /// More arguments for the program.
    let args: [String]
    let isHeadless: Bool
    package let product: String?
    package let isBrowser = true

    /// Both programs take a client that asks for a new session at this path.
    private static let path = "/session"

    package init(executable: String?, args: [String] = [], isHeadless: Bool = true) {
        self.init(executable: executable, args: args, isHeadless: isHeadless, product: nil)
    }

    private init(executable: String?, args: [String], isHeadless: Bool, product: String?) {
        self.executable = executable
        self.args = args
        self.isHeadless = isHeadless
        self.product = product
    }

    /// The program for a browser on this machine.
    package static func executable(browser: String, path: String) -> String? {
        browser == "chromium"
            ? Files.program("chromedriver", path: path) : PlaywrightDriver.executable(browser: browser, path: path)
    }

    package func checked(for pool: Pool, on machine: SidecarMachine) throws(WorkerFailure) -> any SidecarKind {
        if let words = WorkFolderPath.objection(to: machine.temporaryFolder) { throw WorkerFailure(words) }
        let isFirefox = pool.browser == "firefox"
        guard let executable else {
            let (name, package) = isFirefox ? ("firefox", "firefox-esr") : ("chromedriver", "chromium-driver")
            throw WorkerFailure(
                "pool \(pool.label): there is no \(name) here: apt-get install \(package), or name its program by "
                    + "--executable")
        }
        let found = try machine.program(executable, of: pool)
        let product: String
        do throws(WorkerFailure) {
            let version = try ProgramVersion.ask(found, environment: machine.environment)
            product = isFirefox ? "Firefox/\(version)" : try BidiKind.chromium(for: version, on: machine)
        } catch {
            throw WorkerFailure("pool \(pool.label), executable: \(error)")
        }
        return BidiKind(executable: found, args: args, isHeadless: isHeadless, product: product)
    }

    /// The browser that chromedriver finds. chromedriver refuses each session if their versions differ.
    private static func chromium(for driver: String, on machine: SidecarMachine) throws(WorkerFailure) -> String {
        guard let browser = PlaywrightDriver.executable(browser: "chromium", path: machine.path) else {
            throw WorkerFailure("chromedriver finds no browser: apt-get install chromium")
        }
        let version = try ProgramVersion.ask(browser, environment: machine.environment)
        guard version.prefix(while: { $0 != "." }) == driver.prefix(while: { $0 != "." }) else {
            throw WorkerFailure("chromedriver \(driver) does not fit \(browser) \(version): install the same version")
        }
        return "Chrome/\(version)"
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
        var arguments = [executable ?? pool.browser]
        if pool.browser == "firefox" {
            if isHeadless { arguments.append("--headless") }
            // Firefox starts for ever if its profile is not a folder yet, so the work folder is the profile.
            arguments += ["--no-remote", "--profile", folder, "--remote-debugging-port", "0"]
        } else {
            arguments.append("--port=0")
        }
        // Profiles and crash records are in the work folder, and they are removed with it.
        return SidecarInvocation(
            arguments: arguments + args, environment: ["TMPDIR": folder, "HOME": folder], file: nil)
    }

    /// Neither program prints a URL that clients connect to: chromedriver prints its port alone, and Firefox no path.
    func read(line: String, isStandardOutput: Bool) -> SidecarEndpoint.Reading {
        let port =
            isStandardOutput
            ? BidiKind.number(behind: "ChromeDriver was started successfully on port ", in: line)
            : BidiKind.number(behind: "WebDriver BiDi listening on ws://127.0.0.1:", in: line)
        guard let port, let endpoint = SidecarEndpoint(host: "127.0.0.1", port: port, path: BidiKind.path) else {
            return .nothing
        }
        return .listens(endpoint)
    }

    private static func number(behind words: String, in line: String) -> Int? {
        guard line.hasPrefix(words) else { return nil }
        return Int(line.dropFirst(words.count).prefix { $0.isASCII && $0.isNumber })
    }
}
