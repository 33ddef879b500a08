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

    /// Finds the driver: in the folder given, else the `playwright` package of `VIRTUAL_ENV` or of any python on PATH.
    public static func find(folder: String?, environment: [String: String]) throws(WorkerFailure) -> PlaywrightDriver {
        let path = environment["PATH"] ?? ProcessEnvironment.defaultPath
        if let named = folder {
            if let driver = PlaywrightDriver(folder: named, path: path) { return driver }
            throw WorkerFailure("no Playwright driver in \(named): it needs node and package/cli.js")
        }
        var prefixes = environment["VIRTUAL_ENV"].map { [$0] } ?? []
        for folder in path.split(separator: ":") where Files.exists("\(folder)/python3") {
            prefixes.append("\(folder)/..")
        }
        for prefix in prefixes {
            for lib in Files.entries("\(prefix)/lib").sorted() where lib.hasPrefix("python3") {
                for packages in ["site-packages", "dist-packages"] {
                    let folder = "\(prefix)/lib/\(lib)/\(packages)/playwright/driver"
                    if let driver = PlaywrightDriver(folder: folder, path: path) { return driver }
                }
            }
        }
        throw WorkerFailure(
            "Playwright is not installed; run: python3 -m venv venv && venv/bin/pip install playwright, "
                + "then start with VIRTUAL_ENV=$PWD/venv or --playwright-driver")
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
