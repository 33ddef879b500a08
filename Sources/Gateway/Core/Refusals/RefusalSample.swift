/// Which refusals have a log line of their own: the first of each code and source in a second. The others of that second
/// are counted by code, so that a flood of requests cannot flood the log too.
public struct RefusalSample: Sendable {
    /// How long a first line counts for those that follow.
    public static let windowMilliseconds = 1_000
    /// Sources that one second keeps apart; refusals of any further source are counted only.
    public static let sourcesMax = 256

    private struct Key: Hashable {
        let code: RefusalCode
        let source: String
    }

    private var firsts: Set<Key> = []
    private var others: [RefusalCode: Int] = [:]

    public init() {}

    /// Nothing was noted in this second: it begins with the next one.
    public var isEmpty: Bool { firsts.isEmpty && others.isEmpty }

    /// True if this refusal has a line of its own.
    /// - Parameter source: an address without its port.
    public mutating func note(_ code: RefusalCode, source: String) -> Bool {
        let key = Key(code: code, source: source)
        if !firsts.contains(key), firsts.count < RefusalSample.sourcesMax {
            firsts.insert(key)
            return true
        }
        others[code, default: 0] += 1
        return false
    }

    /// The second is over. Returns how many refusals of each code had no line, in the order of the codes' table.
    public mutating func end() -> [(code: RefusalCode, count: Int)] {
        defer { self = RefusalSample() }
        return RefusalCode.allCases.compactMap { code in others[code].map { (code, $0) } }
    }
}
