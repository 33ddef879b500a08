import EventLoop
import Glibc

/// The program that Playwright starts as its headless Chromium: `berth` itself, which disables features (see
/// `ChromiumFeatures`) and then runs the browser in the same process.
///
/// Playwright gives Chromium its own list of disabled features, and a list in Playwright's configuration would replace it.
package struct ChromiumLauncher {
    /// Names the browser's program, in the environment of a launcher.
    private static let variable = "BERTH_LAUNCHES_CHROMIUM"

    /// The path of `berth`.
    let program: String

    /// - Parameter program: nil if it is not known.
    package init?(program: String) {
        guard Files.isExecutable(program) else { return nil }
        self.program = program
    }

    /// The variables that make `berth` a launcher of this browser.
    func environment(of browser: String) -> [String: String] { [ChromiumLauncher.variable: browser] }

    /// Runs the browser if this process is to launch one, else returns.
    package static func launchIfAsked() {
        guard let value = getenv(variable) else { return }
        let browser = String(cString: value)
        unsetenv(variable)
        let arguments = ChromiumFeatures.disabled(in: Array(CommandLine.arguments.dropFirst()))
        let error = OwnProgram.replace(by: browser, arguments: arguments)
        let words = "cannot run \(browser): \(error)\n"
        _ = words.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        exit(127)
    }
}
