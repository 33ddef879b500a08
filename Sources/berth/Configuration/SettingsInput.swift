/// Where settings come from, all of it handed in: nothing here looks at the process by itself.
public struct SettingsInput {
    public let command: Setting.Command
    /// Flags given, by the setting's name; a secret's file by its name with `File` behind it.
    public var flags: [String: [String]] = [:]
    /// `--tenant` flags.
    public var tenantFlags: [String] = []
    public var environment: [String: String] = [:]
    /// The configuration file, already read, under the name people know it by.
    public var file: (name: String, bytes: [UInt8])?
    /// Reads a secret's file; `nil` when it cannot be read.
    public var readFile: (String) -> [UInt8]? = { _ in nil }

    /// The folder that the process was started in: relative paths begin there.
    public var folder = "/"

    public init(command: Setting.Command) { self.command = command }

    /// The file that the environment names.
    public var configFile: String? { environment["BERTH_CONFIG"].flatMap(LegacyName.unlessEmpty) }
}

/// One setting as it came out.
public struct ResolvedSetting: Hashable, Sendable {
    /// Which layer it came from.
    public enum Source: Hashable, Sendable {
        case flag, environment(String), file(line: Int), `default`
    }
    /// One text, or several for repeatable settings; empty where nothing is set.
    public let texts: [String]
    public let source: Source
    /// What a problem with it names: `--listen`, `REDIS_URL`, `berth.yaml:3`.
    public let place: String
}
