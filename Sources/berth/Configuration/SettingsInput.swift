/// The sources of settings. The caller passes them, because the configuration reads nothing of the process by itself.
public struct SettingsInput {
    public let command: Setting.Command
    /// The given flags by the setting's name. A secret's file has that name with `File` appended.
    public var flags: [String: [String]] = [:]
    /// `--tenant` flags.
    public var tenantFlags: [String] = []
    public var environment: [String: String] = [:]
    /// The bytes of the configuration file, and the name that problems show.
    public var file: (name: String, bytes: [UInt8])?
    /// Reads a secret's file; returns `nil` if it cannot be read.
    public var readFile: (String) -> [UInt8]? = { _ in nil }

    /// The folder that the process was started in. Relative paths begin there.
    public var folder = "/"

    public init(command: Setting.Command) { self.command = command }

    /// The file that the environment names.
    public var configFile: String? { environment["BERTH_CONFIG"].flatMap(LegacyName.unlessEmpty) }
}

/// One setting with its value and its source.
public struct ResolvedSetting: Hashable, Sendable {
    /// The layer that the value came from.
    public enum Source: Hashable, Sendable {
        case flag, environment(String), file(line: Int), `default`
    }
    /// One text, or several if the setting may be repeated; empty if it is not set.
    public let texts: [String]
    public let source: Source
    /// The place that a problem names: `--listen`, `REDIS_URL`, `berth.yaml:3`.
    public let place: String
}
