/// A JSON value (RFC 8259), composed for an answer. Members keep their order.
public indirect enum JSONValue: Hashable, Sendable {
    case text(String)
    case number(Int64)
    /// Written with three decimals; `null` unless it is finite.
    case decimal(Double)
    case flag(Bool)
    case null
    case array([JSONValue])
    case object([Member])

    /// A name and a value of an object.
    public struct Member: Hashable, Sendable {
        public let name: String
        public let value: JSONValue

        public init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    public static func number(_ number: Int) -> JSONValue { .number(Int64(number)) }
    public static func texts(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map { .text($0) }) }

    /// `null` without a value.
    public static func optional(_ number: Int64?) -> JSONValue { number.map { .number($0) } ?? .null }

    /// The value in one line.
    public var text: String {
        switch self {
        case .text(let text): jsonString(text)
        case .number(let number): String(number)
        case .decimal(let number): JSONValue.text(number)
        case .flag(let flag): flag ? "true" : "false"
        case .null: "null"
        case .array(let items): "[" + items.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { jsonString($0.name) + ":" + $0.value.text }.joined(separator: ",") + "}"
        }
    }

    /// Beyond a trillion, a double has no three decimals.
    private static func text(_ number: Double) -> String {
        guard number.isFinite, abs(number) < 1e12 else { return "null" }
        let thousandths = Int64((number * 1_000).rounded())
        let (whole, rest) = abs(thousandths).quotientAndRemainder(dividingBy: 1_000)
        let digits = String(rest)
        return "\(thousandths < 0 ? "-" : "")\(whole).\(String(repeating: "0", count: 3 - digits.count))\(digits)"
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
