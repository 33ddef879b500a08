/// Compares the file's tree with the table. An unknown key is a problem that names the line and the nearest known key.
struct FileSections {
    let name: String
    /// Entries by the setting's name, such as `gateway.listen`.
    private(set) var entries: [String: ConfigNode.Entry] = [:]
    private(set) var defaults: ConfigNode?
    private(set) var tenants: ConfigNode?
    private(set) var pools: ConfigNode?
    private(set) var problems: [ConfigurationProblem] = []

    static let empty = FileSections(name: "")

    private init(name: String) { self.name = name }

    init(name: String, root: ConfigNode) {
        self.name = name
        guard let top = root.entries else {
            problems.append(
                .init(place: "\(name):\(root.line)", message: "the file holds keys and values, like fleet: default"))
            return
        }
        for entry in top {
            switch entry.key {
            case "defaults": defaults = entry.value
            case "tenants": tenants = entry.value
            case "pools": pools = entry.value
            default: read(entry)
            }
        }
    }

    /// Names without a section, such as `fleet`.
    private static let scalars = Setting.all.map(\.name).filter { !$0.contains(".") }
    /// Keys by section, with the `…File` of each secret.
    private static let sections: [String: [String]] = {
        var sections: [String: [String]] = [:]
        for setting in Setting.all {
            let parts = setting.name.split(separator: ".").map(String.init)
            guard parts.count == 2 else { continue }
            sections[parts[0], default: []].append(parts[1])
            if setting.isSecret { sections[parts[0], default: []].append(parts[1] + "File") }
        }
        return sections
    }()

    private mutating func read(_ entry: ConfigNode.Entry) {
        if FileSections.scalars.contains(entry.key) {
            entries[entry.key] = entry
            return
        }
        guard let known = FileSections.sections[entry.key] else {
            let all = FileSections.scalars + FileSections.sections.keys + ["defaults", "tenants", "pools"]
            return object(entry.line, Spelling.unknown("key", entry.key, known: all))
        }
        guard let inner = entry.value.entries else {
            return object(entry.line, "'\(entry.key)' holds keys and values: \(known.joined(separator: ", "))")
        }
        for field in inner {
            guard known.contains(field.key) else {
                object(field.line, Spelling.unknown("key", field.key, known: known))
                continue
            }
            entries["\(entry.key).\(field.key)"] = field
        }
    }

    private mutating func object(_ line: Int, _ message: String) {
        problems.append(.init(place: "\(name):\(line)", message: message))
    }
}
