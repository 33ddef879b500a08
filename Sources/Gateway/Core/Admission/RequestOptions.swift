import QueueCore

/// The options of a request: query parameters, or headers `x-berth-<name>`. If both are there, the query counts.
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
    /// The client asks for a protocol log of its session.
    public var wantsProtocolLog = false
    /// The other parameters, as the client wrote them.
    public var remainingQuery = ""

    static let served: Set<String> = [
        "token", "label", "browser", "wait", "priority", "run", "waiter", "ttl", "idle", "log",
    ]
    static let later: Set<String> = ["keep", "park"]
    /// Removed from the query and ignored, because some sidecars execute what is in them.
    static let dropped: Set<String> = ["launch-options"]
    static let tokenBytesMax = 512
    /// The longest value of `Authorization`. It has room for the longest token in base64 and a password.
    static let authorizationBytesMax = 1_024

    private static let names = served.union(later)
    private static let headers = names.sorted().map { (name: $0, header: "x-berth-\($0)") }

    init(_ head: RequestHead) throws(Refusal) {
        let query = try Query(head.query, options: RequestOptions.names, dropped: RequestOptions.dropped)
        remainingQuery = query.remaining
        for (name, header) in RequestOptions.headers {
            let headers = head.values(header)
            guard headers.count <= 1 else { throw .badRequest("The header \(header) is given twice") }
            let asked = query.options[name].flatMap { name == "token" && isBlank($0.utf8) ? nil : $0 }
            if let value = asked ?? headers.first { try set(name, value) }
        }
        if run.isEmpty, let value = head.value("x-run-id") { try set("run", value) }
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
            guard (1...QueueLimits.runBytesMax).contains(value.utf8.count),
                value.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else {
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
        case "log":
            guard value == "protocol" else { throw .badRequest("The option log takes protocol") }
            wantsProtocolLog = true
        default:
            throw .badRequest("The option \(name) is not served yet")
        }
    }

    private func limit(_ name: String, _ value: String) throws(Refusal) -> Int {
        guard let limit = milliseconds(value), limit >= SessionBounds.millisecondsMin else {
            throw .badRequest("The option \(name) takes a time of at least 1s, such as 30s or 10m")
        }
        return limit
    }
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
