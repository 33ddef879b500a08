import GatewayCore
import QueueCore

/// `berth config print`: the configuration in use, in the form of a configuration file, without secrets.
public enum ConfigurationPrinter {
    /// YAML. A comment after each value names the value's source.
    public static func text(_ settings: Settings) -> String {
        var lines: [String] = []
        var section = ""
        for setting in Setting.all.sorted(by: { order($0) < order($1) }) {
            guard let value = settings.resolved[setting.name] else { continue }
            let parts = setting.name.split(separator: ".").map(String.init)
            if parts.count == 2, parts[0] != section {
                section = parts[0]
                lines.append("\(section):")
            }
            let indent = parts.count == 2 ? "  " : ""
            let hidden = setting.isSecret && setting.name != "redis.url" && !value.texts.isEmpty ? ", not shown" : ""
            lines.append("\(indent)\(parts[parts.count - 1]): \(shown(value, setting))  # \(source(value))\(hidden)")
        }
        lines.append(settings.pools.isEmpty ? "pools: {}" : "pools:")
        for pool in settings.pools {
            lines.append("  \(quoted(pool.label.text)):")
            for (key, text) in fields(of: pool) { lines.append("    \(key): \(text)") }
        }
        lines.append("defaults:")
        for field in LimitField.allCases { lines.append("  \(field.rawValue): \(field.text(of: settings.defaults))") }
        lines.append(settings.tenants.isEmpty ? "tenants: {}" : "tenants:")
        for tenant in settings.tenants {
            lines.append("  \(tenant.name):")
            for field in LimitField.allCases { lines.append("    \(field.rawValue): \(field.text(of: tenant.limits))") }
            if !tenant.label.isEmpty { lines.append("    label: \(quoted(tenant.label))") }
            // Eight digits are enough to tell keys apart, and too few to give one away.
            lines.append(
                "    keys: []  # \(tenant.keyHashes.count): \(tenant.keyHashes.map { $0.prefix(8) + "…" }.joined(separator: " "))"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Values of `env` may be secrets: their names are shown.
    private static func fields(of pool: PoolRole) -> [(String, String)] {
        var fields = [("slots", "\(pool.slots)"), ("kind", pool.kind.rawValue)]
        if !pool.names.isEmpty { fields.append(("names", list(pool.names))) }
        if pool.kind == .lease { return fields }
        fields.append(("protocol", pool.servedProtocol.rawValue))
        fields.append(("mode", pool.isShared ? "shared" : "dedicated"))
        if pool.protocolLog != .off { fields.append(("protocolLog", pool.protocolLog.rawValue)) }
        if pool.isShared { fields.append(("sessions", "\(pool.sessions)")) }
        if let browser = pool.namedBrowser, pool.isNamed { fields.append(("browser", browser)) }
        if let version = pool.namedVersion { fields.append(("version", version)) }
        if pool.kind == .attach { return fields + [("attach", list(pool.attach.map(\.description)))] }
        if pool.isShared { fields.append(("maxSessions", "\(pool.maxSessions)")) }
        if let age = pool.maxAgeMilliseconds { fields.append(("maxAge", DurationText.text(milliseconds: age))) }
        if let most = pool.memoryBytesMax { fields.append(("memoryMax", BytesText.text(bytes: most))) }
        fields.append(("warm", "\(pool.seating.spares)"))
        if !pool.command.isEmpty { fields.append(("command", list(pool.command))) }
        if !pool.args.isEmpty { fields.append(("args", list(pool.args))) }
        if !pool.environment.isEmpty {
            fields.append(("env", "{}  # \(pool.environment.keys.sorted().joined(separator: " "))"))
        }
        if !pool.isNamed { fields.append(("browser", pool.browser)) }
        if let executable = pool.executable { fields.append(("executable", quoted(executable))) }
        return fields
    }

    private static func list(_ words: [String]) -> String { "[" + words.map(quoted).joined(separator: ", ") + "]" }

    private static func order(_ setting: Setting) -> Int {
        // Keys without a section come first, because YAML reads a later one as part of the section above.
        setting.name.contains(".") ? 1 + Setting.all.firstIndex(of: setting)! : 0
    }

    private static func shown(_ value: ResolvedSetting, _ setting: Setting) -> String {
        guard let first = value.texts.first else { return "" }
        if setting.name == "redis.url" { return quoted(withoutPassword(first)) }
        if setting.isSecret { return "" }
        if setting.isRepeatable { return list(value.texts) }
        return quoted(first)
    }

    /// The URL with `***` for its password: `redis://user:***@host`.
    static func withoutPassword(_ url: String) -> String {
        guard let at = url.lastIndex(of: "@"), let slashes = url.firstRange(of: "//") else { return url }
        let user = url[slashes.upperBound..<at].prefix { $0 != ":" }
        return "\(url[..<slashes.upperBound])\(user):***\(url[at...])"
    }

    private static func quoted(_ text: String) -> String {
        let safe = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-".contains($0)) }
        if safe { return text }
        return "'" + text.map { $0 == "'" ? "''" : String($0) }.joined() + "'"
    }

    private static func source(_ value: ResolvedSetting) -> String {
        switch value.source {
        case .flag: value.place
        case .environment(let name): name
        case .file: value.place
        case .default: value.texts.isEmpty ? "not set" : "default"
        }
    }
}
