import Glibc

/// Programs of this machine.
enum Programs {
    /// The path of a program, searched in PATH unless it has a slash; `nil` when there is none to run.
    static func find(_ name: String) -> String? {
        if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
        let folders = (Surroundings.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        return folders.lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }
}

/// The builds that Playwright installs by itself.
enum PlaywrightBrowsers {
    static let names = ["chromium", "firefox", "webkit"]

    /// Whether `playwright install` has been run for it.
    static func isInstalled(_ browser: String) -> Bool {
        let environment = Surroundings.environment
        let folder = environment["PLAYWRIGHT_BROWSERS_PATH"] ?? "\(environment["HOME"] ?? "")/.cache/ms-playwright"
        return DevFolder.entries(of: folder).contains {
            $0.hasPrefix("\(browser)-") || $0.hasPrefix("\(browser)_headless")
        }
    }

    static func missing(_ browser: String) -> String {
        let install = browser == "chromium" ? "apt-get install chromium" : "playwright install \(browser)"
        return "there is no \(browser) here: \(install), or name its program by --executable"
    }
}
