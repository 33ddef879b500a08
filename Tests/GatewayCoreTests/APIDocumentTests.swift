import Foundation
import QueueCore
import Testing

@testable import GatewayCore

/// The OpenAPI document and the code name the same things.
@Suite struct APIDocumentTests {
    private static let lines: [Substring] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appendingPathComponent("docs/reference/openapi.yaml")
        return ((try? String(contentsOf: file, encoding: .utf8)) ?? "").split(separator: "\n")
    }()

    private static func indent(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }

    /// The lines inside of the entry `key:` that is indented so far.
    private static func inside(_ key: String, indent: Int, of lines: [Substring]) -> [Substring] {
        guard let at = lines.firstIndex(where: { $0 == String(repeating: " ", count: indent) + key + ":" }) else {
            return []
        }
        return lines[(at + 1)...].prefix { APIDocumentTests.indent($0) > indent }.map { $0 }
    }

    @Test func theFieldsOfABorrowAreThoseThatAreRead() {
        let borrow = APIDocumentTests.inside("Borrow", indent: 4, of: APIDocumentTests.lines)
        let fields = APIDocumentTests.inside("properties", indent: 6, of: borrow)
            .filter { APIDocumentTests.indent($0) == 8 }
            .map { String($0.drop { $0 == " " }.prefix { $0 != ":" }) }
        #expect(fields.count == Set(fields).count && !fields.isEmpty)
        #expect(Set(fields) == RequestOptions.inBody)
    }

    @Test func theDaysOfUsageHaveOneBound() {
        let usage = APIDocumentTests.inside("/v1/usage", indent: 2, of: APIDocumentTests.lines)
        #expect(usage.contains { $0.contains("name: days") })
        #expect(usage.contains { $0.contains("maximum: \(QueueLimits.usageDays) ") })
    }
}
