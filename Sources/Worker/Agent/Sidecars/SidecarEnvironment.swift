import EventLoop

/// The environment of sidecars: the worker's, without Berth's secrets and connections, because a browser runs
/// untrusted pages.
enum SidecarEnvironment {
    private static let withheld: Set<String> = [
        "NODE_SECRET", "NODE_SECRET_FILE", "HUB_NODE_SECRET", "REDIS_URL", "REDIS_HOST", "REDIS_PORT",
    ]

    static func inherited() -> [String: String] { withoutSecrets(ProcessEnvironment.variables) }

    static func withoutSecrets(_ variables: [String: String]) -> [String: String] {
        variables.filter { !withheld.contains($0.key) && !$0.key.hasPrefix("BERTH_") }
    }
}
