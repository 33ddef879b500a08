import EventLoop
import FoundationEssentials
import LoadTestCore

/// The JSON file of a run.
enum ResultFile {
    static func write(_ result: RunResult, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(result), as: UTF8.self) + "\n"
        guard Files.write(path, text) else { throw LoadFailure("cannot write \(path)") }
    }

    static func read(_ path: String) throws -> RunResult {
        guard let bytes = Files.readBytes(path, bytesMax: 1 << 28) else { throw LoadFailure("cannot read \(path)") }
        struct Format: Decodable { let format: Int }
        let data = Data(bytes)
        guard let format = try? JSONDecoder().decode(Format.self, from: data) else {
            throw LoadFailure("\(path) is no result of `loadtest run --out`")
        }
        guard format.format == RunResult.formatNow else {
            throw LoadFailure(
                "\(path) has format \(format.format), this program reads \(RunResult.formatNow): run it again")
        }
        do {
            return try JSONDecoder().decode(RunResult.self, from: data)
        } catch {
            throw LoadFailure("\(path) is no result of `loadtest run --out`: \(error)")
        }
    }
}
