import EventLoop

/// The browsers that `playwright install` downloads.
enum PlaywrightBrowsers {
    /// True if `playwright install` has downloaded this browser.
    static func isInstalled(_ browser: String, environment: [String: String]) -> Bool {
        let folder = environment["PLAYWRIGHT_BROWSERS_PATH"] ?? "\(environment["HOME"] ?? "")/.cache/ms-playwright"
        return Files.entries(folder).contains {
            $0.hasPrefix("\(browser)-") || $0.hasPrefix("\(browser)_headless")
        }
    }

    static func missing(_ browser: String) -> String {
        let install = browser == "chromium" ? "apt-get install chromium" : "playwright install \(browser)"
        return "there is no \(browser) here: \(install), or name its program by --executable"
    }
}
