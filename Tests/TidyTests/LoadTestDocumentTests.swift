import Foundation
import Testing

/// docs/start/load-tests.md and the code of the load generator say the same.
@Suite struct LoadTestDocumentTests {
    private static let document = "docs/start/load-tests.md"

    private func rows(from mark: String, to end: String) -> [[String]] {
        let text = Repository.text(LoadTestDocumentTests.document)
        guard let start = text.range(of: mark), let stop = text.range(of: end, range: start.upperBound..<text.endIndex)
        else { return [] }
        return text[start.upperBound..<stop.lowerBound].split(separator: "\n").filter { $0.hasPrefix("| `") }.map {
            $0.split(separator: "|").map { String($0).trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test func eachScenarioHasItsQuestion() {
        let files = Repository.files(under: "loadtest/Core/Scenarios", endings: [".yaml"])
        let asked = files.compactMap { file -> [String]? in
            let name = file.split(separator: "/").last?.dropLast(".yaml".count) ?? ""
            let line = Repository.lines(file).first { $0.hasPrefix("question: ") }
            return line.map { ["`\(name)`", String($0.dropFirst("question: ".count))] }
        }
        let told = rows(from: "| name | question |", to: "The table has all keys").sorted { $0[0] < $1[0] }
        #expect(!files.isEmpty && asked.count == files.count)
        #expect(told == asked.sorted { $0[0] < $1[0] })
    }

    @Test func eachKeyIsThereWithItsPlace() throws {
        let code = Repository.codeLines("loadtest/Core/Scenario/ScenarioReader.swift").joined(separator: " ")
        func words(of list: String) throws -> Set<String> {
            let found = try #require(code.firstMatch(of: Regex("let \(list) = \\[([^\\]]*)\\]")))
            return Set(
                try #require(found.output[1].substring).split(separator: "\"").map(String.init).filter {
                    $0.first?.isLetter == true
                })
        }
        let told = rows(from: "| key | of |", to: "| arrivals | |")
        let ofFile = told.filter { $0[1].contains("file") }.map { $0[0].filter { $0 != "`" } }
        let ofTenant = told.filter { $0[1].contains("tenant") }.map { $0[0].filter { $0 != "`" } }
        #expect(try Set(ofFile) == words(of: "keys") && ofFile.count == Set(ofFile).count)
        #expect(try Set(ofTenant) == words(of: "tenantKeys") && ofTenant.count == Set(ofTenant).count)
    }
}
