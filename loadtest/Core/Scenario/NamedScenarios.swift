/// The scenarios that come with the program: the files of `loadtest/Core/Scenarios`.
public enum NamedScenarios {
    private static let files: [(name: String, bytes: [UInt8])] = [
        ("smoke", PackageResources.smoke_yaml), ("steady", PackageResources.steady_yaml),
        ("burst", PackageResources.burst_yaml), ("ci-fleet", PackageResources.ci_fleet_yaml),
        ("agent-swarm", PackageResources.agent_swarm_yaml),
        ("reconnect-storm", PackageResources.reconnect_storm_yaml),
        ("slow-clients", PackageResources.slow_clients_yaml), ("roll", PackageResources.roll_yaml),
        ("soak", PackageResources.soak_yaml),
    ]

    /// In the order in which a newcomer tries them.
    public static var names: [String] { files.map(\.name) }

    /// The file's bytes; nil for an unknown name.
    public static func file(_ name: String) -> [UInt8]? { files.first { $0.name == name }?.bytes }
}
