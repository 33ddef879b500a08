/// An environment name that users of other grids have. Berth understands the name, or refuses it and names the setting
/// that replaces it.
///
/// No such name is ignored, because a fleet that ignores its `MAX_CONCURRENT_SESSIONS` works until it is overloaded.
public struct LegacyName: Hashable, Sendable {
    /// How Berth treats the name.
    public enum Treatment: Hashable, Sendable {
        /// The value is used for this setting if the setting's own name is not set.
        case means(setting: String)
        /// The value is one part of a setting; `words` say how the parts are joined.
        case contributes(words: String)
        case refused(words: String)
    }

    public let name: String
    public let commands: Set<Setting.Command>
    public let treatment: Treatment

    public static let all: [LegacyName] = [
        understood("HUB_NODE_SECRET", "node.secret", [.gateway, .worker]),
        composed("REDIS_HOST", "with REDIS_PORT it makes up redis.url where REDIS_URL is not set", both),
        composed("REDIS_PORT", "with REDIS_HOST it makes up redis.url where REDIS_URL is not set", both),
        composed("PORT", "the port of gateway.listen or worker.listen where that is not set", both),
        refused("HUB_URL", "workers and gateways find each other through Redis: set REDIS_URL", [.worker]),
        refused("HEARTBEAT_INTERVAL", "the heartbeat is 2 s and not a setting", both),
        refused(
            "WORKER_SELECT_TIMEOUT", "how long a client waits is the tenant's: defaults.maxWait in berth.yaml",
            [.gateway]),
        refused(
            "PLAYWRIGHT_VERSION", "the driver's own version counts: choose it by BERTH_PLAYWRIGHT_DRIVER", [.worker]),
        refused("PUBLIC_WS_HOST", publicWords, [.gateway]),
        refused("PUBLIC_WS_PORT", publicWords, [.gateway]),
        refused("PUBLIC_WS_SCHEME", publicWords, [.gateway]),
    ]

    private static let both: Set<Setting.Command> = [.gateway, .worker]
    private static let publicWords = "answers name the Host that the client used; nothing replaces it"

    private static func understood(_ name: String, _ setting: String, _ commands: Set<Setting.Command>) -> LegacyName {
        LegacyName(name: name, commands: commands, treatment: .means(setting: setting))
    }

    private static func composed(_ name: String, _ words: String, _ commands: Set<Setting.Command>) -> LegacyName {
        LegacyName(name: name, commands: commands, treatment: .contributes(words: words))
    }

    private static func refused(_ name: String, _ words: String, _ commands: Set<Setting.Command>) -> LegacyName {
        LegacyName(name: name, commands: commands, treatment: .refused(words: words))
    }

    /// The errors in the environment, for one command.
    static func problems(in environment: [String: String], command: Setting.Command) -> [ConfigurationProblem] {
        all.compactMap { legacy in
            guard legacy.commands.contains(command), let value = environment[legacy.name].flatMap(unlessEmpty) else {
                return nil
            }
            switch legacy.treatment {
            case .means, .contributes: return nil
            case .refused(let words):
                return .init(place: legacy.name, message: "is not a setting of Berth: \(words)")
            }
        }
    }

    /// A variable's value without invisible characters around it; `nil` if nothing else is left.
    static func unlessEmpty(_ text: String) -> String? {
        let text = Unseen.trimmed(text)
        return text.isEmpty ? nil : text
    }

    /// A setting's value from such names. The caller has looked for the setting's own name before.
    static func value(
        of setting: Setting, in environment: [String: String]
    ) throws(ConfigurationProblem) -> (name: String, text: String)? {
        func given(_ name: String) -> String? { environment[name].flatMap(unlessEmpty) }
        func port(_ name: String) throws(ConfigurationProblem) -> Int? {
            guard let text = given(name) else { return nil }
            if let port = LegacyName.port(text) { return port }
            throw ConfigurationProblem(
                place: name, message: "'\(text)' is not a port: write its number, or tcp://host:port as Kubernetes does"
            )
        }
        switch setting.name {
        case "redis.url":
            guard let text = given("REDIS_HOST") else { return nil }
            let host = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
            guard let kind = HostText(host) else {
                throw ConfigurationProblem(
                    place: "REDIS_HOST",
                    message: "'\(text)' is not a host alone: put the rest into REDIS_PORT or REDIS_URL")
            }
            return ("REDIS_HOST", "redis://\(kind == .ipv6 ? "[\(host)]" : host):\(try port("REDIS_PORT") ?? 6379)")
        case "gateway.listen", "worker.listen":
            return try port("PORT").map { ("PORT", ":\($0)") }
        default:
            for legacy in all {
                if legacy.treatment == .means(setting: setting.name), let text = given(legacy.name) {
                    return (legacy.name, text)
                }
            }
            return nil
        }
    }

    /// Reads `6379`, or `tcp://10.0.0.1:6379`, because Kubernetes sets the variable so for a Service of that name.
    private static func port(_ text: String) -> Int? {
        if let address = text.hasPrefix("tcp://") ? ListenAddress(String(text.dropFirst(6))) : ListenAddress(":\(text)")
        {
            return address.port
        }
        return nil
    }
}
