import Foundation

/// The checkout this test was built from.
struct Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Paths below `folder`, relative to the root, of files whose name ends in one of `endings`. Built, cached and
    /// fetched things are left out.
    static func files(under folder: String, endings: [String]) -> [String] {
        let top = folder.isEmpty ? root : "\(root)/\(folder)"
        guard let walk = FileManager.default.enumerator(atPath: top) else { return [] }
        var found: [String] = []
        while let path = walk.nextObject() as? String {
            let name = path.split(separator: "/").last.map(String.init) ?? path
            if [".git", ".build", ".demo", "__pycache__", ".pytest_cache", "results"].contains(name)
                || name.hasPrefix(".build") || name.hasPrefix(".venv")
            {
                walk.skipDescendants()
            } else if endings.contains(where: { name.hasSuffix($0) }) {
                found.append(folder.isEmpty ? path : "\(folder)/\(path)")
            }
        }
        return found.sorted()
    }

    static func text(_ path: String) -> String {
        (try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)) ?? ""
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(root)/\(path)") }

    static func lines(_ path: String) -> [String] {
        text(path).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// A Swift file's lines with comments blanked: what is said about a word is not its use.
    static func codeLines(_ path: String) -> [String] {
        lines(path).map { line in
            guard let comment = line.range(of: "//") else { return line }
            return String(line[..<comment.lowerBound])
        }
    }
}
