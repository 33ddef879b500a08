import QueueCore
import WorkerCore

/// One thing that can be set: the single description that flags, environment, file, help and reference come from.
public struct Setting: Hashable, Sendable {
    /// What values look like.
    public enum Kind: Hashable, Sendable {
        case text
        /// A name as `isName` has it: fleets, node ids.
        case name
        /// `host:port`, `[v6]:port`, or `:port` for the host that is safe by default.
        case address
        case duration
        case count(ClosedRange<Int>)
        case choice([String])
        case yesNo
        /// Repeatable as a flag, comma-separated in the environment, a sequence in the file.
        case list
        /// A list of web origins.
        case origins
        /// `host`, `host:port`, `[v6]` or `[v6]:port` that others dial.
        case host
        /// `label=slots`: repeatable, comma-separated, a mapping in the file.
        case pools
        /// Never printed. Each source also takes the name of a file that holds it: `…File`, `…_FILE`.
        case secret
    }

    /// Commands that use it. All of them understand a file that sets what another command uses.
    public enum Command: String, Hashable, Sendable, CaseIterable {
        case gateway, worker, dev, status, audit, config
    }

    /// Its path in the file, which is its name everywhere: `gateway.drainTimeout`.
    public let name: String
    /// The flag, with its dashes; `nil` where a value on the command line would be seen by everybody on the machine.
    public let flag: String?
    /// The flag that names a file holding the value; secrets only.
    public let fileFlag: String?
    public let environment: String
    public let kind: Kind
    /// As it would be written; `nil` where there is none and `defaultWords` says what then.
    public let defaultText: String?
    /// What the reference shows as default.
    public let defaultWords: String
    public let commands: Set<Command>
    /// One sentence: what it does.
    public let doc: String

    init(
        _ name: String, flag: String? = nil, fileFlag: String? = nil, environment: String, kind: Kind,
        default defaultText: String? = nil, shown defaultWords: String? = nil, commands: Set<Command>, doc: String
    ) {
        self.name = name
        self.flag = flag
        self.fileFlag = fileFlag
        self.environment = environment
        self.kind = kind
        self.defaultText = defaultText
        self.defaultWords = defaultWords ?? defaultText ?? "none"
        self.commands = commands
        self.doc = doc
    }

    public var isSecret: Bool { kind == .secret }
    public var isRepeatable: Bool { kind == .list || kind == .pools || kind == .origins }

    /// What the reference calls its unit or form.
    public var unit: String {
        switch kind {
        case .text: "text"
        case .name: "name"
        case .address: "host:port"
        case .duration: "duration"
        case .count(let range): "\(range.lowerBound)–\(range.upperBound)"
        case .choice(let words): words.joined(separator: ", ")
        case .yesNo: "true, false"
        case .list, .origins: "list"
        case .host: "host or host:port"
        case .pools: "label=slots, …"
        case .secret: "secret"
        }
    }

    /// The form in which a value is used and compared: without what nobody sees around it, and one of several spellings.
    public func normalised(_ text: String) -> String {
        let text = Unseen.trimmed(text)
        switch kind {
        case .choice, .yesNo: return text.lowercased()
        case .origins: return (try? OriginText.canonical(text)) ?? text
        default: return text
        }
    }

    /// What is wrong with one value, in words; `nil` when it will do.
    public func objection(to text: String) -> String? {
        if let words = Unseen.objection(to: text, lines: name == "worker.command") { return words }
        switch kind {
        case .text, .secret, .list:
            return text.isEmpty ? "is empty" : nil
        case .name:
            return isName(text) ? nil : "'\(text)' is not 1–64 characters of A–Z a–z 0–9 . _ -"
        case .address:
            return ListenAddress.objection(to: text)
        case .host:
            return AdvertisedHost.objection(to: text)
        case .origins:
            do throws(OriginText.Objection) {
                _ = try OriginText.canonical(text)
                return nil
            } catch {
                return error.words
            }
        case .duration:
            return DurationText.milliseconds(text) == nil
                ? "'\(text)' is not a duration like 500ms, 30s, 2m or 1h (a week at most)" : nil
        case .count(let range):
            guard let number = Int(text), range.contains(number) else {
                return "'\(text)' is not a whole number from \(range.lowerBound) to \(range.upperBound)"
            }
            return nil
        case .choice(let words):
            return words.contains(text) ? nil : Spelling.unknown("value", text, known: words)
        case .yesNo:
            return ["true", "false"].contains(text) ? nil : "'\(text)' is neither true nor false"
        case .pools:
            do throws(PoolConfig.Failure) {
                _ = try PoolConfig.parse(text, isPlaywright: true, defaultBrowser: "", version: "")
                return nil
            } catch {
                return error.description
            }
        }
    }
}
