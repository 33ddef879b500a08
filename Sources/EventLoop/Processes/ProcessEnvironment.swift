import Glibc

/// The environment variables of this process.
public enum ProcessEnvironment {
    /// The folders in which programs are searched if PATH is not set.
    public static let defaultPath = "/usr/local/bin:/usr/bin:/bin"

    /// All variables by name, as they are now. Relative folders in variables such as PATH are made absolute, because
    /// children run in folders of their own.
    public static var variables: [String: String] {
        guard let path = getcwd(nil, 0) else { return asTheyAre }
        defer { free(path) }
        return absolute(asTheyAre, in: String(cString: path))
    }

    static func absolute(_ variables: [String: String], in folder: String) -> [String: String] {
        func absolute(_ path: some StringProtocol) -> String {
            if path.hasPrefix("/") { return String(path) }
            // An empty entry of PATH means the folder itself.
            return path.isEmpty ? folder : "\(folder == "/" ? "" : folder)/\(path)"
        }
        var variables = variables
        if let path = variables["PATH"] {
            variables["PATH"] = path.split(separator: ":", omittingEmptySubsequences: false).map(absolute).joined(
                separator: ":")
        }
        if let venv = variables["VIRTUAL_ENV"], !venv.isEmpty { variables["VIRTUAL_ENV"] = absolute(venv) }
        // "0" makes Playwright use a folder inside its package.
        if let browsers = variables["PLAYWRIGHT_BROWSERS_PATH"], !browsers.isEmpty, browsers != "0" {
            variables["PLAYWRIGHT_BROWSERS_PATH"] = absolute(browsers)
        }
        return variables
    }

    /// All variables by name, unchanged.
    public static var asTheyAre: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return variables
    }
}
