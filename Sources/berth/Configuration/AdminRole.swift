/// The settings of an admin listener.
public struct AdminRole: Hashable, Sendable {
    /// The shortest token, in characters. Who guesses it gives orders to the fleet.
    public static let tokenCharactersMin = 16

    public let listen: ListenAddress
    /// Nobody chose the address: another process of this machine may have it already.
    public let isDefault: Bool
    /// Empty for none.
    public let token: String

    /// - Parameter name: of the setting with the address.
    public init(_ settings: Settings, listen name: String) throws(ConfigurationProblems) {
        listen = settings.address(name, defaultHost: "127.0.0.1")
        isDefault = settings.resolved[name]?.source == .default
        token = settings.text("admin.token").map(Unseen.trimmed) ?? ""
        var problems: [ConfigurationProblem] = []
        if settings.text("admin.token") != nil, token.count < AdminRole.tokenCharactersMin {
            problems.append(
                .init(
                    place: settings.place("admin.token"),
                    message:
                        "is shorter than \(AdminRole.tokenCharactersMin) characters: openssl rand -hex 32 makes a good one"
                ))
        }
        if !listen.isLoopback, token.isEmpty {
            problems.append(
                .init(
                    place: settings.place(name),
                    message:
                        "\(listen) is reachable from elsewhere, and there is no admin token: set BERTH_ADMIN_TOKEN, or "
                        + "listen on 127.0.0.1"))
        }
        guard problems.isEmpty else { throw ConfigurationProblems(problems) }
    }
}
