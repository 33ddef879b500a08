import GatewayCore
import QueueCore

/// The whole configuration from all layers: each setting with its source, and the tenants.
public struct Settings: Sendable {
    public let command: Setting.Command
    public let resolved: [String: ResolvedSetting]
    public let defaults: TenantLimits
    public let tenants: [Tenant]
    /// The table `pools` of the file.
    public let pools: [PoolRole]
    /// Relative paths begin in this folder.
    let folder: String
    /// The configuration file, if there is one.
    public let fileName: String?
    /// The files of secrets.
    public let secretFiles: [String]

    /// Reads and checks all settings. Throws all errors together.
    public init(_ input: SettingsInput) throws(ConfigurationProblems) {
        var problems = LegacyName.problems(in: input.environment, command: input.command)
        var sections = FileSections.empty
        if let file = input.file {
            do throws(ConfigurationProblem) {
                sections = FileSections(name: file.name, root: try YAMLReader.read(file.bytes, file: file.name))
            } catch {
                throw ConfigurationProblems([error])
            }
        }
        problems += sections.problems

        var resolver = SettingsResolver(input: input)
        resolved = resolver.resolve(file: sections)
        problems += resolver.problems
        secretFiles = resolver.files

        var reader = TenantsReader(file: sections.name)
        if let node = sections.defaults { reader.readDefaults(node) }
        var tenants = sections.tenants.map { reader.readTenants($0) } ?? []
        var flagged: Set<String> = []
        for flag in input.tenantFlags {
            guard let tenant = reader.readFlag(flag) else { continue }
            if !flagged.insert(tenant.name).inserted {
                problems.append(.init(place: "--tenant \(tenant.name)", message: "is given twice: keep one"))
            }
            tenants.removeAll { $0.name == tenant.name }
            tenants.append(tenant)
        }
        problems += reader.problems
        problems += Settings.sharedKeys(tenants, place: sections.name.isEmpty ? "--tenant" : sections.name)

        let base = PoolRole(base: resolved, folder: input.folder)
        var poolsReader = PoolsReader(file: sections.name, base: base, folder: input.folder)
        pools = sections.pools.map { poolsReader.read($0) } ?? []
        problems += poolsReader.problems

        command = input.command
        defaults = reader.defaults
        self.tenants = tenants
        fileName = input.file?.name
        folder = input.folder
        guard problems.isEmpty else { throw ConfigurationProblems(problems) }
    }

    /// The setting's text; `nil` if it is not set.
    ///
    /// - Parameter name: must be a name of the table.
    public func text(_ name: String) -> String? {
        guard let value = resolved[name] else { preconditionFailure("no setting is called \(name)") }
        return value.texts.last
    }

    /// The setting's text as an absolute path; `nil` if it is not set.
    public func path(_ name: String) -> String? { text(name).map { absolute($0, in: folder) } }

    /// All texts of a setting that may be repeated; empty if it is not set.
    public func texts(_ name: String) -> [String] { resolved[name]?.texts ?? [] }
    /// The place where the setting was given, for problems that are found later.
    public func place(_ name: String) -> String { resolved[name]?.place ?? name }
    /// A duration; 0 if the setting is not set.
    public func milliseconds(_ name: String) -> Int { text(name).flatMap(DurationText.milliseconds) ?? 0 }
    /// True if the setting's text is `true`.
    public func isTrue(_ name: String) -> Bool { text(name) == "true" }
    /// A count; 0 if the setting is not set.
    public func number(_ name: String) -> Int { text(name).flatMap { Int($0) } ?? 0 }

    /// The names of settings that differ from `old`, and that a running gateway does not use before a restart.
    public func restartsNeeded(since old: Settings) -> [String] {
        Setting.all.filter { setting in
            setting.commands.contains(command) && !Setting.reloaded.contains(setting.name)
                && resolved[setting.name]?.texts != old.resolved[setting.name]?.texts
        }.map(\.name)
    }

    /// Finds keys that two tenants share: such a key does not say which of them a request is from.
    private static func sharedKeys(_ tenants: [Tenant], place: String) -> [ConfigurationProblem] {
        var owners: [String: String] = [:]
        var problems: [ConfigurationProblem] = []
        for tenant in tenants {
            for key in tenant.keyHashes {
                guard let other = owners.updateValue(tenant.name, forKey: key) else { continue }
                let words =
                    other == tenant.name
                    ? "tenant '\(other)' has the key \(key.prefix(8))… twice: keep it once"
                    : "tenants '\(other)' and '\(tenant.name)' have the same key, \(key.prefix(8))…: give each its own"
                problems.append(.init(place: place, message: words))
            }
        }
        return problems
    }
}
