import QueueCore
import WorkerCore

/// Reads `pools` of the file: a table of pools by label.
struct PoolsReader {
    /// The keys of one pool.
    enum Field: String, CaseIterable {
        case slots, kind, `protocol`, mode, sessions, maxSessions, maxAge, memoryMax, warm, command, args, env,
            browser, version, executable, names, attach, protocolLog

        func counts(in kind: PoolRole.Kind) -> Bool {
            switch self {
            case .slots, .kind: true
            case .names: kind == .lease
            case .attach: kind == .attach
            // A lease has no sidecar, so no messages between two sides.
            case .protocol, .mode, .sessions, .protocolLog: kind != .lease
            case .version: kind == .command || kind == .attach
            case .browser: kind != .lease
            case .maxSessions, .maxAge, .memoryMax, .warm, .command, .args, .env, .executable:
                kind != .lease && kind != .attach
            }
        }
    }

    let file: String
    /// The values of keys that a pool leaves out.
    let base: PoolRole
    /// Relative paths begin there.
    let folder: String
    var problems: [ConfigurationProblem] = []

    init(file: String, base: PoolRole, folder: String) {
        self.file = file
        self.base = base
        self.folder = folder
    }

    mutating func read(_ node: ConfigNode) -> [PoolRole] {
        guard let entries = node.entries else {
            object(node.line, "'pools' holds one entry a pool, like AppA:Chromium: {slots: 3}")
            return []
        }
        return entries.compactMap { readPool($0) }
    }

    private mutating func readPool(_ entry: ConfigNode.Entry) -> PoolRole? {
        guard let label = Label(entry.key) else {
            object(entry.line, "'\(entry.key)' is no pool label: 1 to 8 segments of A–Z a–z 0–9 . _ - joined by colons")
            return nil
        }
        guard let fields = entry.value.entries else {
            let known = Field.allCases.map(\.rawValue).joined(separator: ", ")
            object(entry.line, "pool \(label) holds keys and values: \(known)")
            return nil
        }
        var pool = base
        pool.label = label
        pool.slots = 0
        for field in fields where !field.value.isNull {
            guard let known = Field(rawValue: field.key) else {
                object(field.line, Spelling.unknown("key", field.key, known: Field.allCases.map(\.rawValue)))
                continue
            }
            if let words = set(known, field.value, in: &pool) {
                object(field.line, "pool \(label), '\(field.key)': \(words)")
            }
        }
        pool.forgetForeignExecutable(unlessGiven: fields.contains { $0.key == Field.executable.rawValue }, base: base)
        if let count = pool.slotsImplied {
            if pool.slots != 0 && pool.slots != count {
                let what = pool.kind == .lease ? "names" : "endpoints and sessions"
                object(
                    entry.line, "pool \(label) has \(pool.slots) slots, but its \(what) make \(count): leave slots out")
            }
            pool.slots = count
        }
        if pool.slots == 0, !fields.contains(where: { $0.key == Field.slots.rawValue }) {
            object(entry.line, "pool \(label) has no slots: write slots: 3")
        }
        for field in fields where Field(rawValue: field.key)?.counts(in: pool.kind) == false {
            object(field.line, "pool \(label), '\(field.key)': has no meaning for kind \(pool.kind.rawValue)")
        }
        for needsShared in [Field.sessions, .maxSessions] where !pool.isShared {
            guard let field = fields.first(where: { $0.key == needsShared.rawValue }) else { continue }
            object(field.line, "pool \(label), '\(field.key)': counts in mode: shared alone")
        }
        return pool
    }

    /// - Returns: in words why the value is not valid; `nil` if it is.
    private func set(_ field: Field, _ node: ConfigNode, in pool: inout PoolRole) -> String? {
        switch field {
        case .args:
            guard let texts = node.texts, texts.count <= PoolRole.wordsMax else {
                return "takes a list of at most \(PoolRole.wordsMax)"
            }
            pool.args = texts
            return texts.lazy.compactMap { Unseen.objection(to: $0) }.first
        case .env:
            guard let entries = node.entries, entries.count <= PoolRole.wordsMax,
                entries.allSatisfy({ $0.value.text != nil && !$0.key.isEmpty && !$0.key.contains("=") })
            else { return "holds at most \(PoolRole.wordsMax) names and values" }
            pool.environment = Dictionary(entries.map { ($0.key, $0.value.text ?? "") }) { $1 }
            return nil
        case .names:
            guard let texts = node.texts, (1...QueueLimits.slotsPerWorkerMax).contains(texts.count) else {
                return "takes a list of 1 to \(QueueLimits.slotsPerWorkerMax) names"
            }
            // A name has the form of a label's segment, because it stands in a header.
            if let bad = texts.first(where: { Label($0)?.segments.count != 1 }) {
                return "'\(bad)' is no name: up to 64 of A–Z a–z 0–9 . _ -"
            }
            guard Set(texts).count == texts.count else { return "has a name twice" }
            pool.names = texts
            return nil
        case .attach:
            guard let texts = node.texts, (1...PoolRole.attachMax).contains(texts.count) else {
                return "takes a list of 1 to \(PoolRole.attachMax) endpoints"
            }
            do throws(AttachAddress.Failure) {
                pool.attach = []
                for text in texts { pool.attach.append(try AttachAddress(text)) }
            } catch {
                return error.description
            }
            return Set(texts).count == texts.count ? nil : "has an endpoint twice: write mode: shared and sessions"
        case .command:
            guard let texts = node.texts, var words = texts.count == 1 ? CommandWords.split(texts[0]) : texts,
                let program = words.first
            else { return "takes a program with its arguments: words, or a list" }
            words[0] = WorkerRole.program(program, in: folder)
            pool.command = words
            return nil
        default:
            guard let text = node.text.map({ Unseen.trimmed($0) }) else { return "takes one value" }
            return Unseen.objection(to: text) ?? set(field, text, in: &pool)
        }
    }

    private func set(_ field: Field, _ text: String, in pool: inout PoolRole) -> String? {
        switch field {
        case .slots: return number(text, 1...QueueLimits.slotsPerWorkerMax) { pool.slots = $0 }
        case .sessions: return number(text, 1...PoolRole.sessionsLimit) { pool.sessions = $0 }
        case .maxSessions: return number(text, 1...PoolRole.maxSessionsLimit) { pool.maxSessions = $0 }
        case .warm: return number(text, 0...PoolRole.warmMax) { pool.warm = $0 }
        case .kind:
            guard let kind = PoolRole.Kind(rawValue: text.lowercased()) else {
                return Spelling.unknown("value", text, known: PoolRole.Kind.allCases.map(\.rawValue))
            }
            pool.kind = kind
        case .protocol:
            guard let named = SlotProtocol.ofSidecars.first(where: { $0.rawValue == text.lowercased() }) else {
                return Spelling.unknown("value", text, known: SlotProtocol.ofSidecars.map(\.rawValue))
            }
            pool.namedProtocol = named
        case .mode:
            guard ["dedicated", "shared"].contains(text.lowercased()) else {
                return Spelling.unknown("value", text, known: ["dedicated", "shared"])
            }
            pool.isShared = text.lowercased() == "shared"
        case .protocolLog:
            guard let mode = ProtocolLogMode(rawValue: text.lowercased()) else {
                return Spelling.unknown("value", text, known: ProtocolLogMode.allCases.map(\.rawValue))
            }
            pool.protocolLog = mode
        case .maxAge:
            guard let milliseconds = DurationText.milliseconds(text), milliseconds > 0 else {
                return "'\(text)' is not a duration like 30m or 1h (a week at most)"
            }
            pool.maxAgeMilliseconds = milliseconds
        case .memoryMax:
            guard let bytes = BytesText.bytes(text), bytes > 0 else {
                return "'\(text)' is not a number of bytes like 512M or 2G (16384G at most)"
            }
            pool.memoryBytesMax = bytes
        case .browser:
            guard Pool.playwrightBrowsers.contains(text.lowercased()) else {
                return Spelling.unknown("value", text, known: Pool.playwrightBrowsers)
            }
            pool.browser = text.lowercased()
            pool.namedBrowser = pool.browser
        case .version:
            guard PoolRole.isPlaywrightVersion(text) else { return "'\(text)' is not major.minor like 1.65" }
            pool.namedVersion = text
        case .executable: pool.executable = WorkerRole.program(text, in: folder)
        case .args, .env, .command, .names, .attach: preconditionFailure("a field of several values")
        }
        return nil
    }

    private func number(_ text: String, _ range: ClosedRange<Int>, _ set: (Int) -> Void) -> String? {
        guard let number = Int(text), range.contains(number) else {
            return "'\(text)' is not a whole number from \(range.lowerBound) to \(range.upperBound)"
        }
        set(number)
        return nil
    }

    private mutating func object(_ line: Int, _ message: String) {
        problems.append(ConfigurationProblem(place: "\(file):\(line)", message: message))
    }
}
