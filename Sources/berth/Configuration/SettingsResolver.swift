/// Looks for each setting's value: first among the flags, then in the environment, in the file, and in the defaults.
struct SettingsResolver {
    let input: SettingsInput
    var problems: [ConfigurationProblem] = []
    /// The files of secrets that were read.
    private(set) var files: [String] = []

    init(input: SettingsInput) { self.input = input }

    mutating func resolve(file: FileSections) -> [String: ResolvedSetting] {
        var resolved: [String: ResolvedSetting] = [:]
        for setting in Setting.all {
            // Flags and environment names count only for settings that this command uses.
            let ours = setting.commands.contains(input.command) || input.command == .config
            let found =
                (ours ? fromFlags(setting) ?? fromEnvironment(setting) : nil) ?? fromFile(setting, file)
                ?? ResolvedSetting(
                    texts: setting.defaultText.map { [$0] } ?? [], source: .default, place: "default of \(setting.name)"
                )
            let value = ResolvedSetting(
                texts: found.texts.map(setting.normalised), source: found.source, place: found.place)
            for text in value.texts {
                if let objection = setting.objection(to: text) {
                    problems.append(.init(place: value.place, message: objection))
                }
            }
            resolved[setting.name] = value
        }
        return resolved
    }

    private mutating func fromFlags(_ setting: Setting) -> ResolvedSetting? {
        if let path = input.flags[setting.name + "File"]?.last, let flag = setting.fileFlag {
            return secret(path, source: .flag, place: flag)
        }
        guard let texts = input.flags[setting.name], !texts.isEmpty else { return nil }
        return ResolvedSetting(
            texts: setting.isRepeatable ? texts.flatMap(split) : [texts[texts.count - 1]], source: .flag,
            place: setting.flag ?? setting.name)
    }

    private mutating func fromEnvironment(_ setting: Setting) -> ResolvedSetting? {
        let name = setting.environment
        let value = given(name)
        if setting.isSecret, let path = given(name + "_FILE") {
            if value != nil {
                problems.append(.init(place: name, message: "is set, and \(name)_FILE too: keep one"))
            }
            return secret(path, source: .environment(name + "_FILE"), place: name + "_FILE")
        }
        if let value {
            return ResolvedSetting(
                texts: setting.isRepeatable ? split(value) : [value], source: .environment(name), place: name)
        }
        if setting.isSecret {
            for legacy in LegacyName.all where legacy.treatment == .means(setting: setting.name) {
                guard let path = given(legacy.name + "_FILE") else { continue }
                return secret(path, source: .environment(legacy.name + "_FILE"), place: legacy.name + "_FILE")
            }
        }
        do throws(ConfigurationProblem) {
            guard let legacy = try LegacyName.value(of: setting, in: input.environment) else { return nil }
            return ResolvedSetting(texts: [legacy.text], source: .environment(legacy.name), place: legacy.name)
        } catch {
            problems.append(error)
            return nil
        }
    }

    private mutating func fromFile(_ setting: Setting, _ file: FileSections) -> ResolvedSetting? {
        if setting.isSecret, let entry = file.entries[setting.name + "File"], !entry.value.isNull {
            let place = "\(file.name):\(entry.line)"
            if file.entries[setting.name] != nil {
                problems.append(.init(place: place, message: "'\(entry.key)' and the value itself: keep one"))
            }
            guard let path = entry.value.text else {
                problems.append(.init(place: place, message: "'\(entry.key)' takes a file's name"))
                return nil
            }
            return secret(path, source: .file(line: entry.line), place: place)
        }
        guard let entry = file.entries[setting.name], !entry.value.isNull else { return nil }
        let place = "\(file.name):\(entry.line)"
        guard let texts = texts(of: entry.value, for: setting) else {
            let form = setting.isRepeatable ? "a list" : "one value"
            problems.append(.init(place: place, message: "'\(entry.key)' takes \(form)"))
            return nil
        }
        return ResolvedSetting(texts: texts, source: .file(line: entry.line), place: place)
    }

    private func texts(of node: ConfigNode, for setting: Setting) -> [String]? {
        if setting.kind == .pools, let entries = node.entries {
            let texts = entries.compactMap { entry in entry.value.text.map { "\(entry.key)=\($0)" } }
            return texts.count == entries.count ? texts : nil
        }
        if setting.isRepeatable { return node.texts?.flatMap(split) }
        return node.text.map { [$0] }
    }

    private mutating func secret(_ path: String, source: ResolvedSetting.Source, place: String) -> ResolvedSetting? {
        files.append(path)
        guard let bytes = input.readFile(path) else {
            problems.append(.init(place: place, message: "the file it names cannot be read: \(path)"))
            return nil
        }
        let text = Unseen.trimmed(String(decoding: bytes, as: UTF8.self))
        if text.isEmpty {
            problems.append(.init(place: place, message: "the file it names is empty: \(path)"))
            return nil
        }
        return ResolvedSetting(texts: [text], source: source, place: place)
    }

    private func given(_ name: String) -> String? { input.environment[name].flatMap(LegacyName.unlessEmpty) }

    private func split(_ text: String) -> [String] {
        text.split(separator: ",").map { Unseen.trimmed(String($0)) }.filter { !$0.isEmpty }
    }
}
