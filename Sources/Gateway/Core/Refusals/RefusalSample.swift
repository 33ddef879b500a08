/// Chooses the refusals that have a log line of their own: the first of each code and source in a second. The others of
/// that second are counted by code, so that a flood of requests does not flood the log.
public struct RefusalSample: Sendable {
    /// After a refusal with a line, those of the same code and source have none for at most this long.
    public static let windowMilliseconds = 1_000
    /// The most sources that have lines in one second. Refusals of further sources are counted only.
    public static let sourcesMax = 256

    private struct Key: Hashable {
        let code: RefusalCode
        let source: String
    }

    private var firsts: Set<Key> = []
    private var others: [RefusalCode: Int] = [:]

    public init() {}

    /// No refusal was noted since the last `end`. The next one begins a second.
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

    /// Ends the second. Returns how many refusals of each code had no line, in the order of the codes' table.
    public mutating func end() -> [(code: RefusalCode, count: Int)] {
        defer { self = RefusalSample() }
        return RefusalCode.allCases.compactMap { code in others[code].map { (code, $0) } }
    }
}
