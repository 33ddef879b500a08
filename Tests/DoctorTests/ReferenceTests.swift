import Doctor
import Foundation
import Testing

@Suite struct ReferenceTests {
    /// docs/reference/doctor.md has a row for each check, in the same order.
    @Test func eachCheckIsDocumented() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/reference/doctor.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { $0.split(separator: "`")[1] }
        #expect(rows.map(String.init) == Check.allCases.map(\.rawValue))
    }
}
