import GatewayCore
import QueueCore

/// Reads `defaults` and `tenants` of the file, and `--tenant` flags.
struct TenantsReader {
    let file: String
    var problems: [ConfigurationProblem] = []
    var defaults = TenantLimits.default

    init(file: String) { self.file = file }

    mutating func readDefaults(_ node: ConfigNode) {
        guard let entries = node.entries else { return object(node.line, "'defaults' holds keys and values") }
        var limits = defaults
        for entry in entries { readLimit(entry, into: &limits, known: LimitField.allCases.map(\.rawValue)) }
        if let message = TenantsReader.objection(to: limits) { object(node.line, "'defaults': \(message)") }
        defaults = limits
    }

    /// Call it after `readDefaults`, because a tenant's limits are the defaults until the tenant sets them.
    mutating func readTenants(_ node: ConfigNode) -> [Tenant] {
        guard let entries = node.entries else {
            object(node.line, "'tenants' holds one entry a tenant")
            return []
        }
        guard entries.count <= TenantsLimits.countMax else {
            object(node.line, "more than \(TenantsLimits.countMax) tenants")
            return []
        }
        return entries.compactMap { readTenant($0) }
    }

    /// Reads `acme:cap=2,maxWait=5m,key=<sha256>`.
    mutating func readFlag(_ text: String) -> Tenant? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let name = Unseen.trimmed(String(parts[0]))
        guard isName(name) else {
            let words = Unseen.objection(to: name) ?? "'\(text)' is not name:field=value,…"
            problems.append(.init(place: "--tenant", message: words))
            return nil
        }
        var limits = defaults
        var keys: [String] = []
        var fields: Set<String> = []
        for pair in parts.count > 1 ? parts[1].split(separator: ",") : [] {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                Unseen.trimmed(String($0))
            }
            let value = sides.count > 1 ? sides[1] : ""
            var message = Unseen.objection(to: sides[0]) ?? Unseen.objection(to: value)
            if message != nil {
                // Reported below. The other checks would quote the text, and the quoted text looks right.
            } else if sides[0] == "key" {
                message = TenantsReader.read(key: value, into: &keys)
            } else if !fields.insert(sides[0]).inserted {
                message = "'\(sides[0])' is given twice: keep one"
            } else if let field = LimitField(rawValue: sides[0]) {
                message = field.set(value, in: &limits)
            } else {
                message = Spelling.unknown("field", sides[0], known: LimitField.allCases.map(\.rawValue) + ["key"])
            }
            if let message { problems.append(.init(place: "--tenant \(name)", message: message)) }
        }
        if let message = TenantsReader.objection(to: limits) {
            problems.append(.init(place: "--tenant \(name)", message: message))
        }
        return Tenant(name: name, keyHashes: keys, limits: limits)
    }

    private mutating func readTenant(_ entry: ConfigNode.Entry) -> Tenant? {
        guard isName(entry.key) else {
            object(entry.line, "'\(entry.key)' is no tenant's name: 1–64 characters of A–Z a–z 0–9 . _ -")
            return nil
        }
        guard let fields = entry.value.entries else {
            object(entry.line, "tenant '\(entry.key)' holds keys and values, like cap: 5")
            return nil
        }
        var limits = defaults
        var keys: [String] = []
        var label = ""
        for field in fields {
            if field.key == "keys" {
                keys = readKeys(field)
            } else if field.key == "label" {
                label = readLabel(field)
            } else {
                readLimit(field, into: &limits, known: LimitField.allCases.map(\.rawValue) + ["keys", "label"])
            }
        }
        if let message = TenantsReader.objection(to: limits) { object(entry.line, "tenant '\(entry.key)': \(message)") }
        return Tenant(name: entry.key, keyHashes: keys, limits: limits, label: label)
    }

    private static func objection(to limits: TenantLimits) -> String? {
        guard limits.guarantee > limits.cap else { return nil }
        return "its guarantee of \(limits.guarantee) is above its cap of \(limits.cap)"
    }

    private mutating func readLimit(_ entry: ConfigNode.Entry, into limits: inout TenantLimits, known: [String]) {
        guard let field = LimitField(rawValue: entry.key) else {
            return object(entry.line, Spelling.unknown("key", entry.key, known: known))
        }
        if entry.value.isNull { return }
        guard let text = entry.value.text else { return object(entry.line, "'\(entry.key)' takes one value") }
        if let objection = field.set(text, in: &limits) { object(entry.line, "'\(entry.key)': \(objection)") }
    }

    private mutating func readKeys(_ entry: ConfigNode.Entry) -> [String] {
        if entry.value.isNull { return [] }
        guard case .sequence(let nodes) = entry.value.content, nodes.count <= TenantsLimits.keysMax else {
            object(entry.line, "'keys' is a list of at most \(TenantsLimits.keysMax)")
            return []
        }
        var keys: [String] = []
        for node in nodes {
            if let words = TenantsReader.read(key: node.text ?? "", into: &keys) { object(node.line, words) }
        }
        return keys
    }

    private mutating func readLabel(_ entry: ConfigNode.Entry) -> String {
        if entry.value.isNull { return "" }
        let text = entry.value.text ?? ""
        if Selector(pattern: text) != nil, !text.isEmpty { return text }
        object(entry.line, "'label': '\(text)' is no pool label, like AppA:Chromium")
        return ""
    }

    /// Adds a key's digest.
    /// - Returns: in words why the text is not valid; `nil` if it is. The words never repeat the text, because the text
    ///   may be the key itself.
    private static func read(key text: String, into keys: inout [String]) -> String? {
        let hex = (text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text).lowercased()
        guard hex.utf8.count == 64, hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
            return "a key stands here as its SHA-256, 64 hex digits: \(keyCommand)"
        }
        if let what = EmptyKeys.digests[hex] {
            return "this is the SHA-256 of \(what), which is no key; with KEY set: \(keyCommand)"
        }
        keys.append(hex)
        return nil
    }

    /// The shell refuses it with an error if KEY is empty or not set.
    private static let keyCommand = "printf %s \"${KEY:?}\" | sha256sum"

    private mutating func object(_ line: Int, _ message: String) {
        problems.append(ConfigurationProblem(place: "\(file):\(line)", message: message))
    }
}
