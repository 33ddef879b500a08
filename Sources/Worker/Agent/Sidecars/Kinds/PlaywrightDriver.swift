import EventLoop
import WorkerCore

/// A Playwright installation that can serve browsers: a node program and `cli.js`.
///
/// The PyPI package `playwright` carries both, so neither npm nor a system node is needed.
public struct PlaywrightDriver: Hashable, Sendable {
    public let node: String
    public let script: String
    /// Major and minor, as in `Pool.version`: a client must share them.
    public let version: String

    /// Looks in a folder: the `driver` folder of a `playwright` package, or a `playwright-core` package beside a
    /// node on PATH.
    public init?(folder: String, path: String) {
        let package = Files.exists("\(folder)/package/cli.js") ? "\(folder)/package" : folder
        script = "\(package)/cli.js"
        guard Files.exists(script),
            let node = Files.isExecutable("\(folder)/node") ? "\(folder)/node" : Files.program("node", path: path),
            let manifest = Files.read("\(package)/package.json", bytesMax: 1 << 20),
            let version = PlaywrightDriver.version(manifest: manifest)
        else { return nil }
        self.node = node
        self.version = version
    }

    /// Finds the driver: in the folder given, else in the nearest of these: the Python of `VIRTUAL_ENV`, `node_modules`
    /// of `directory` and the folders above it, each Python on PATH, the `node_modules` of each node on PATH.
    public static func find(
        folder: String?, environment: [String: String], directory: String? = nil
    ) throws(WorkerFailure) -> PlaywrightDriver {
        let path = environment["PATH"] ?? ProcessEnvironment.defaultPath
        if let named = folder {
            if let driver = PlaywrightDriver(folder: named, path: path) { return driver }
            throw WorkerFailure("no Playwright driver in \(named): it needs node and package/cli.js")
        }
        let programs = path.split(separator: ":").map(String.init)
        let folders =
            (environment["VIRTUAL_ENV"].map(pythonFolders) ?? []) + above(directory).flatMap(nodeFolders)
            + programs.filter { Files.exists("\($0)/python3") }.flatMap { pythonFolders("\($0)/..") }
            + programs.filter { Files.exists("\($0)/node") }.flatMap { nodeFolders("\($0)/../lib") }
        if let driver = folders.lazy.compactMap({ PlaywrightDriver(folder: $0, path: path) }).first { return driver }
        throw WorkerFailure(
            "Playwright is not installed; run: python3 -m venv venv && venv/bin/pip install playwright, "
                + "then start with VIRTUAL_ENV=$PWD/venv; or: npm install playwright; or name its folder by "
                + "--playwright-driver")
    }

    /// The driver of the package in a Python installation.
    private static func pythonFolders(_ prefix: String) -> [String] {
        Files.entries("\(prefix)/lib").sorted().filter { $0.hasPrefix("python3") }.flatMap { lib in
            ["site-packages", "dist-packages"].map { "\(prefix)/lib/\(lib)/\($0)/playwright/driver" }
        }
    }

    /// The driver of a package in `node_modules` of a folder. Each of these packages has the whole command line.
    private static func nodeFolders(_ folder: String) -> [String] {
        ["playwright-core", "playwright", "@playwright/test"].map { "\(folder)/node_modules/\($0)" }
    }

    /// A folder and the folders above it, the nearest first, as node looks for modules.
    private static func above(_ folder: String?) -> [String] {
        var folders: [String] = []
        var next = folder.map { Substring($0) }
        while let here = next {
            folders.append(String(here))
            next = here.lastIndex(of: "/").map { here[..<$0] }
        }
        return folders
    }

    /// The browser's program on this machine, if it is not Playwright's build.
    public static func executable(browser: String, path: String) -> String? {
        let names =
            switch browser {
            case "chromium": ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
            case "firefox": ["firefox-esr", "firefox"]
            default: [String]()
            }
        return names.lazy.compactMap { Files.program($0, path: path) }.first
    }

    /// The configuration file of `launch-server`.
    static func config(browser: String, executable: String?, args: [String] = [], isHeadless: Bool = true) -> String {
        var fields = ["\"headless\":\(isHeadless)", "\"host\":\"127.0.0.1\"", "\"port\":0"]
        if let executable {
            fields.append("\"executablePath\":\"\(escaped(executable))\"")
            // A distribution's Firefox is not Playwright's build and is driven over BiDi.
            if browser == "firefox" { fields.append("\"channel\":\"moz-firefox\"") }
        }
        if !args.isEmpty {
            fields.append("\"args\":[\(args.map { "\"\(escaped($0))\"" }.joined(separator: ","))]")
        }
        return "{\(fields.joined(separator: ","))}\n"
    }

    /// Reads `"version": "1.65.0"` of a package.json; `1.65`.
    static func version(manifest: String) -> String? {
        guard let key = manifest.firstRange(of: "\"version\"")?.upperBound else { return nil }
        let parts = manifest[key...].split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: true)
        guard parts.count == 3, parts[0].allSatisfy({ $0 == ":" || $0.isWhitespace }) else { return nil }
        let numbers = parts[1].split(separator: ".")
        guard numbers.count >= 3, numbers.prefix(2).allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isDigit) }) else {
            return nil
        }
        return "\(numbers[0]).\(numbers[1])"
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func escaped(_ text: String) -> String {
        var out = ""
        for c in text.unicodeScalars {
            switch c {
            case "\"", "\\": out += "\\\(c)"
            case "\u{0}"..<" ": out += "?"
            default: out.unicodeScalars.append(c)
            }
        }
        return out
    }
}
