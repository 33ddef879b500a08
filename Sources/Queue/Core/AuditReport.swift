/// The result of a complete check of a fleet's records.
public struct AuditReport: Hashable, Sendable {
    /// A record that contradicts other records, found twice.
    public struct Finding: Hashable, Sendable, CustomStringConvertible {
        /// The promise that the record breaks, such as `S4`.
        public let promise: String
        /// The kind and the id of the wrong item, such as `slot w.0000000000000001 3`.
        public let item: String
        public let words: String

        public init(promise: String, item: String, words: String) {
            self.promise = promise
            self.item = item
            self.words = words
        }

        public var description: String { "\(promise) \(item) \(words)" }
    }

    /// One slice of the check, as `audit` replies.
    public struct Slice: Hashable, Sendable {
        /// "" after the last section.
        public let nextSection: String
        public let nextCursor: String
        public let schema: String
        public let epoch: Int64
        public let looked: Int
        public let overCap: Int
        public let findings: [Finding]

        /// `nil` if the words are not a slice.
        public init?(reply words: [String]) {
            guard words.count >= 6, (words.count - 6) % 3 == 0, let epoch = Int64(words[3]), let looked = Int(words[4]),
                let overCap = Int(words[5])
            else { return nil }
            nextSection = words[0]
            nextCursor = words[1]
            schema = words[2]
            self.epoch = epoch
            self.looked = looked
            self.overCap = overCap
            findings = stride(from: 6, to: words.count, by: 3).map {
                Finding(promise: words[$0], item: words[$0 + 1], words: words[$0 + 2])
            }
        }
    }

    /// The sections in the order of the check.
    public static let sections = [
        "workers", "gateways", "line", "selectors", "due", "settings", "versions", "pools", "keys",
    ]

    public private(set) var findings: [Finding] = []
    /// The layout of the data; "" in an empty Redis.
    public private(set) var schema = ""
    public private(set) var epoch: Int64 = 0
    /// The number of items checked in each section.
    public private(set) var looked: [String: Int] = [:]
    /// Leases above their tenant's cap because a disconnected worker declared them again. That is allowed, so they are
    /// counted separately.
    public private(set) var overCap = 0

    public init() {}

    /// Adds a slice of `section` ("" means the first).
    public mutating func add(_ slice: Slice, of section: String) {
        schema = slice.schema
        epoch = slice.epoch
        overCap += slice.overCap
        looked[section.isEmpty ? Self.sections[0] : section, default: 0] += slice.looked
    }

    /// Adds a finding if the second check found the same fault in the item. Adds it only once.
    public mutating func confirm(_ finding: Finding, by second: Slice) {
        let again = second.findings.contains { $0.promise == finding.promise && $0.item == finding.item }
        if again, !findings.contains(where: { $0.promise == finding.promise && $0.item == finding.item }) {
            findings.append(finding)
        }
    }
}
