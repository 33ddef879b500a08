import HTTPCore
import QueueCore

/// The options of a request: query parameters, headers `x-berth-<name>`, or fields of a JSON body. If an option is in the
/// query and in a header, the query counts.
public struct RequestOptions: Hashable, Sendable {
    /// `nil` for an empty token too.
    public var token: String?
    /// A label pattern; empty for any.
    public var label = ""
    public var browser: String?
    public var waitMilliseconds: Int?
    public var prioritySeconds = 0
    /// The CI run of the client; empty for none.
    public var run = ""
    /// A name of the client's choice for its wait and session; empty for none.
    public var alias = ""
    public var bounds = SessionBounds.none
    /// How long the slot is kept after a dropped socket; 0 for not at all.
    public var keepSeconds = 0
    /// The proof that the client may attach to a session; `nil` for none.
    public var ticket: String?
    /// Only a body has the version and the protocol, because sidecars may have query parameters of these names.
    public var version = ""
    public var slotProtocol: SlotProtocol?
    /// The client asks for a protocol log of its session.
    public var wantsProtocolLog = false
    /// The client wants its 101 at once, and waits behind it.
    public var parks = false
    /// The response is to hold the slot. In a body only.
    public var holds = false
    /// The other parameters, as the client wrote them.
    public var remainingQuery = ""

    static let served: Set<String> = [
        "token", "label", "browser", "wait", "priority", "run", "waiter", "ttl", "idle", "log", "keep", "ticket",
        "park",
    ]
    /// The fields of a body.
    static let inBody: Set<String> =
        served.subtracting(["token", "ticket", "park"]).union(["version", "protocol", "hold"])
    /// Removed from the query and ignored, because some sidecars execute what is in them.
    static let dropped: Set<String> = ["launch-options"]
    static let tokenBytesMax = 512
    /// The longest value of `Authorization`. It has room for the longest token in base64 and a password.
    static let authorizationBytesMax = 1_024

    private static let headers = served.sorted().map { (name: $0, header: "x-berth-\($0)") }

    init(_ head: RequestHead, body: [UInt8] = []) throws(Refusal) {
        let query: Query
        do throws(HTTPFault) {
            query = try Query(head.query, options: RequestOptions.served, dropped: RequestOptions.dropped)
        } catch {
            throw Refusal(error)
        }
        remainingQuery = query.remaining
        for (name, header) in RequestOptions.headers {
            let headers = head.values(header)
            guard headers.count <= 1 else { throw .badRequest("The header \(header) is given twice") }
            let asked = query.options[name].flatMap { name == "token" && isBlank($0.utf8) ? nil : $0 }
            if let value = asked ?? headers.first { try set(name, value) }
        }
        if run.isEmpty, let value = head.value("x-run-id") { try set("run", value) }
        guard !body.isEmpty else { return }
        let fields: FlatJSON
        do throws(HTTPFault) { fields = try FlatJSON(body) } catch { throw Refusal(error) }
        for field in fields.fields {
            let name = String(field.name.prefix(64))
            guard RequestOptions.inBody.contains(name) else {
                throw .badRequest(
                    "The body has no field \(name); its fields are "
                        + RequestOptions.inBody.sorted().joined(separator: ", "))
            }
            guard query.options[name] == nil else { throw .badRequest("The option \(name) is given twice") }
            switch field.value {
            case .bool(let value) where name == "hold": holds = value
            case .null: break
            case _ where name == "hold": throw .badRequest("The field hold takes true or false")
            case .text(let value): try set(name, value)
            case .number(let value): try set(name, wholeNumber(value))
            case .bool: throw .badRequest("The field \(name) takes a text or a number")
            }
        }
    }

    private mutating func set(_ name: String, _ value: String) throws(Refusal) {
        switch name {
        case "token":
            guard value.utf8.count <= RequestOptions.tokenBytesMax else { throw .badRequest("The token is too long") }
            token = isBlank(value.utf8) ? nil : value
        case "label":
            label = value
        case "browser":
            browser = value
        case "wait":
            guard let wait = milliseconds(value) else {
                throw .badRequest("The option wait takes a time such as 30s, 2m, 500ms or 0")
            }
            waitMilliseconds = wait
        case "priority":
            guard let wait = milliseconds(value) else {
                throw .badRequest("The option priority takes seconds of head start, such as 30")
            }
            prioritySeconds = wait / 1_000
        case "run":
            guard isRun(value) else {
                throw .badRequest(
                    "The option run takes 1 to \(QueueLimits.runBytesMax) printable characters without spaces")
            }
            run = value
        case "waiter":
            guard isName(value) else {
                throw .badRequest("The option waiter takes 1 to 64 letters, digits, `.`, `_` and `-`")
            }
            alias = value
        case "ttl":
            bounds.ttlMilliseconds = try limit(name, value)
        case "idle":
            bounds.idleMilliseconds = try limit(name, value)
        case "keep":
            guard let keep = milliseconds(value), keep <= QueueLimits.keepSecondsMax * 1_000 else {
                throw .badRequest(
                    "The option keep takes a time of at most \(QueueLimits.keepSecondsMax / 60)m, such as 30s")
            }
            keepSeconds = (keep + 999) / 1_000
        case "ticket":
            ticket = value
        case "version":
            version = value
        case "protocol":
            guard let asked = SlotProtocol(rawValue: value) else {
                throw .badRequest(
                    "The field protocol takes one of "
                        + SlotProtocol.allCases.map(\.rawValue).joined(separator: ", "))
            }
            slotProtocol = asked
        case "log":
            guard value == "protocol" else { throw .badRequest("The option log takes protocol") }
            wantsProtocolLog = true
        case "park":
            guard value == "websocket" else { throw .badRequest("The option park takes websocket") }
            parks = true
        default:
            preconditionFailure("each option has its case")
        }
    }

    private func limit(_ name: String, _ value: String) throws(Refusal) -> Int {
        guard let limit = milliseconds(value), limit >= SessionBounds.millisecondsMin else {
            throw .badRequest("The option \(name) takes a time of at least 1s, such as 30s or 10m")
        }
        return limit
    }
}

/// A JSON number without a fraction of zeros, because 30.0 is 30.
private func wholeNumber(_ text: String) -> String {
    guard let point = text.firstIndex(of: "."), text[point...].dropFirst().allSatisfy({ $0 == "0" }) else {
        return text
    }
    return String(text[..<point])
}

/// True for the name of a run.
func isRun(_ text: String) -> Bool {
    (1...QueueLimits.runBytesMax).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
}

/// Reads a time: a whole number, then `ms`, `s`, `m`, `h` or nothing (seconds). At most 1,000 hours.
public func milliseconds(_ text: String) -> Int? {
    let digits = text.utf8.prefix { (0x30...0x39).contains($0) }.count
    guard (1...9).contains(digits), let number = Int(text.prefix(digits)) else { return nil }
    let unit: Int
    switch text.dropFirst(digits) {
    case "ms": unit = 1
    case "", "s": unit = 1_000
    case "m": unit = 60_000
    case "h": unit = 3_600_000
    default: return nil
    }
    let product = number * unit
    return product <= 3_600_000_000 ? product : nil
}
