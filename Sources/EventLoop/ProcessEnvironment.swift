import Glibc

/// The environment variables of this process.
public enum ProcessEnvironment {
    /// Where programs are looked for when PATH is not set.
    public static let defaultPath = "/usr/local/bin:/usr/bin:/bin"

    /// All variables by name, as they are now.
    public static var variables: [String: String] {
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
