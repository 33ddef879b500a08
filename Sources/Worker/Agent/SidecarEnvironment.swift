import Glibc

/// What sidecars inherit of the worker's environment: all but Berth's own secrets and connections, for a browser runs
/// other people's pages.
enum SidecarEnvironment {
    private static let withheld = [
        "NODE_SECRET", "NODE_SECRET_FILE", "HUB_NODE_SECRET", "REDIS_URL", "REDIS_HOST", "REDIS_PORT",
    ]

    static func inherited() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                let name = String(text[..<equals])
                if !withheld.contains(name) && !name.hasPrefix("BERTH_") {
                    variables[name] = String(text[text.index(after: equals)...])
                }
            }
            next += 1
        }
        return variables
    }
}
