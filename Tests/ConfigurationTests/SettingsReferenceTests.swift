import Foundation
import Testing

@testable import Configuration

/// docs/reference/settings.md is the table of settings and of the names of others, written out.
@Suite struct SettingsReferenceTests {
    private let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/reference/settings.md").path

    /// With BERTH_WRITE_REFERENCE set, writes the tables into the document instead of comparing.
    @Test func theReferenceIsTheTable() throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let expected = try replaced(try replaced(text, "settings", settings), "other names", others)
        if ProcessInfo.processInfo.environment["BERTH_WRITE_REFERENCE"] != nil {
            try expected.write(toFile: path, atomically: true, encoding: .utf8)
        } else {
            #expect(
                text == expected,
                "make the reference anew: BERTH_WRITE_REFERENCE=1 swift test --filter SettingsReference")
        }
    }

    private func replaced(_ text: String, _ mark: String, _ rows: [String]) throws -> String {
        let begin = try #require(text.range(of: "<!-- \(mark) -->\n"))
        let end = try #require(text.range(of: "<!-- end of \(mark) -->"))
        return text[..<begin.upperBound] + rows.joined(separator: "\n") + "\n" + text[end.lowerBound...]
    }

    private var settings: [String] {
        ["| setting | flag | environment | form | default | used by | what it does |", "|---|---|---|---|---|---|---|"]
            + Setting.all.map { setting in
                let flags = [setting.flag, setting.fileFlag].compactMap { $0 }.map { "`\($0)`" }.joined(separator: ", ")
                let names =
                    setting.isSecret
                    ? "`\(setting.environment)`, `\(setting.environment)_FILE`" : "`\(setting.environment)`"
                let key = setting.isSecret ? "`\(setting.name)`, `\(setting.name)File`" : "`\(setting.name)`"
                let commands = Setting.Command.allCases.filter(setting.commands.contains).map(\.rawValue).joined(
                    separator: ", ")
                return
                    "| \(key) | \(flags.isEmpty ? "–" : flags) | \(names) | \(setting.unit) | \(setting.defaultWords) | \(commands) | \(setting.doc) |"
            }
    }

    private var others: [String] {
        ["| name | used by | what becomes of it |", "|---|---|---|"]
            + LegacyName.all.map { legacy in
                let commands = Setting.Command.allCases.filter(legacy.commands.contains).map(\.rawValue).joined(
                    separator: ", ")
                let words =
                    switch legacy.treatment {
                    case .means(let setting): "means `\(setting)`; as `\(legacy.name)_FILE` too"
                    case .contributes(let words): words
                    case .refused(let words): "refused: \(words)"
                    }
                return "| `\(legacy.name)` | \(commands) | \(words) |"
            }
    }
}
