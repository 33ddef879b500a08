import GatewayCore
import QueueCore
import WorkerCore

/// The one description of a setting. Flags, environment names, file keys, help and the reference are made from it.
public struct Setting: Hashable, Sendable {
    /// The form of the values.
    public enum Kind: Hashable, Sendable {
        case text
        /// Words separated by blanks; quotes and backslashes as in a shell.
        case words
        /// A name by the rules of `isName`, such as a fleet or a node id.
        case name
        /// `host:port`, `[v6]:port`, or `:port` for the host that is safe by default.
        case address
        case duration
        /// A number of bytes with a unit.
        case bytes
        case count(ClosedRange<Int>)
        case choice([String])
        case yesNo
        /// A flag that may be repeated, a comma-separated environment variable, a sequence in the file.
        case list
        /// A list of addresses and of ranges of them.
        case addressRanges
        /// A list of web origins.
        case origins
        /// `host`, `host:port`, `[v6]` or `[v6]:port`, for other processes to dial.
        case host
        /// `label=slots`: a flag that may be repeated, comma-separated in the environment, a mapping in the file.
        case pools
        /// Never printed. Each source can also name a file with the value: `…File`, `…_FILE`.
        case secret
    }

    /// The commands that use the setting. A file may also have settings that only other commands use.
    public enum Command: String, Hashable, Sendable, CaseIterable {
        case gateway, worker, dev, status, top, pools, tenants, workers, waiters, sessions
        case drain, pause, resume, cancel, cap, audit, doctor, run, config

        /// Those of an operator, which ask Redis.
        static let ofOperators: Set<Command> = [
            .status, .top, .pools, .tenants, .workers, .waiters, .sessions, .drain, .pause, .resume, .cancel, .cap,
            .audit, .doctor,
        ]
    }

    /// The path in the file, which is the setting's name everywhere: `gateway.drainTimeout`.
    public let name: String
    /// The flag with its dashes. `nil` for secrets, because all users of a machine can read its command lines.
    public let flag: String?
    /// The flag that names a file with the value; `nil` except for secrets.
    public let fileFlag: String?
    public let environment: String
    public let kind: Kind
    /// The default value's text. `nil` if there is none; `defaultWords` then says what happens.
    public let defaultText: String?
    /// The default as the reference shows it.
    public let defaultWords: String
    public let commands: Set<Command>
    /// Says in one sentence what the setting does.
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

    /// The settings that a running gateway reads again.
    static let reloaded: Set<String> = [
        "policy", "scaleFromZero", "maxQueue", "node.secret", "gateway.origins", "gateway.insecureOpen",
        "gateway.trustedProxies", "tls.certificate", "tls.key",
    ]

    public var isSecret: Bool { kind == .secret }
    public var isRepeatable: Bool { [.list, .pools, .origins, .addressRanges].contains(kind) }

    /// The unit or form as the reference names it.
    public var unit: String {
        switch kind {
        case .text: "text"
        case .words: "words"
        case .name: "name"
        case .address: "host:port"
        case .duration: "duration"
        case .bytes: "bytes"
        case .count(let range): "\(range.lowerBound)–\(range.upperBound)"
        case .choice(let words): words.joined(separator: ", ")
        case .yesNo: "true, false"
        case .list, .origins, .addressRanges: "list"
        case .host: "host or host:port"
        case .pools: "label=slots, …"
        case .secret: "secret"
        }
    }

    /// The form in which a value is used and compared: without invisible characters around it, in one spelling.
    public func normalised(_ text: String) -> String {
        let text = Unseen.trimmed(text)
        switch kind {
        case .choice, .yesNo: return text.lowercased()
        case .origins: return (try? OriginText.canonical(text)) ?? text
        default: return text
        }
    }

    /// Says in words why a value is not valid; `nil` if it is.
    public func objection(to text: String) -> String? {
        if let words = Unseen.objection(to: text, lines: name == "worker.command" || kind == .words) { return words }
        switch kind {
        case .text, .secret, .list:
            return text.isEmpty ? "is empty" : nil
        case .words:
            return CommandWords.split(text) == nil ? "a quote is not closed: \(text)" : nil
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
        case .addressRanges:
            do throws(AddressRange.Objection) {
                _ = try AddressRange(text)
                return nil
            } catch {
                return error.words
            }
        case .duration:
            return DurationText.milliseconds(text) == nil
                ? "'\(text)' is not a duration like 500ms, 30s, 2m or 1h (a week at most)" : nil
        case .bytes:
            return BytesText.bytes(text) == nil
                ? "'\(text)' is not a number of bytes like 512M or 2G (16384G at most)" : nil
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
                _ = try PoolConfig.parse(text)
                return nil
            } catch {
                return error.description
            }
        }
    }
}
