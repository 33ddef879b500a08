import EventLoop

/// What sidecars inherit of the worker's environment: all but Berth's own secrets and connections, for a browser runs
/// other people's pages.
enum SidecarEnvironment {
    private static let withheld: Set<String> = [
        "NODE_SECRET", "NODE_SECRET_FILE", "HUB_NODE_SECRET", "REDIS_URL", "REDIS_HOST", "REDIS_PORT",
    ]

    static func inherited() -> [String: String] {
        ProcessEnvironment.variables.filter { !withheld.contains($0.key) && !$0.key.hasPrefix("BERTH_") }
    }
}
