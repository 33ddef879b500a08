import GatewayCore
import QueueCore

/// `berth config print`: the configuration as it would be used, as a file that can be used, secrets left out.
public enum ConfigurationPrinter {
    /// YAML, each value with where it came from behind it.
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
        lines.append("defaults:")
        for field in LimitField.allCases { lines.append("  \(field.rawValue): \(field.text(of: settings.defaults))") }
        lines.append(settings.tenants.isEmpty ? "tenants: {}" : "tenants:")
        for tenant in settings.tenants {
            lines.append("  \(tenant.name):")
            for field in LimitField.allCases { lines.append("    \(field.rawValue): \(field.text(of: tenant.limits))") }
            if !tenant.label.isEmpty { lines.append("    label: \(quoted(tenant.label))") }
            // Eight digits tell keys apart and give none away.
            lines.append(
                "    keys: []  # \(tenant.keyHashes.count): \(tenant.keyHashes.map { $0.prefix(8) + "…" }.joined(separator: " "))"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func order(_ setting: Setting) -> Int {
        // Keys without a section first: in YAML they would otherwise belong to the section above.
        setting.name.contains(".") ? 1 + Setting.all.firstIndex(of: setting)! : 0
    }

    private static func shown(_ value: ResolvedSetting, _ setting: Setting) -> String {
        guard let first = value.texts.first else { return "" }
        if setting.name == "redis.url" { return quoted(withoutPassword(first)) }
        if setting.isSecret { return "" }
        if setting.isRepeatable { return "[" + value.texts.map(quoted).joined(separator: ", ") + "]" }
        return quoted(first)
    }

    /// `redis://user:***@host`: where Redis is, without what opens it.
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
