import FuzzTargets
import Foundation
import Testing

/// Each input of the corpus, and changed ones. `make fuzz` draws without end.
@Suite struct CorpusTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fuzz/corpus")

    private static func inputs(_ target: String) throws -> [[UInt8]] {
        try FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent(target), includingPropertiesForKeys: nil
        ).sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
    }

    @Test(arguments: FuzzTarget.all.map(\.name))
    func allRulesHold(_ name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let inputs = try CorpusTests.inputs(name)
        #expect(inputs.count >= 4, "\(name) has hardly an input")
        for input in inputs { #expect(target.objection(input) == nil, "\(String(decoding: input, as: UTF8.self))") }
        var random = SplitMix64(state: 7)
        for _ in 0..<2_000 {
            let input = changed(inputs.randomElement(using: &random)!, &random)
            #expect(target.objection(input) == nil, "\(input)")
        }
    }

    /// Everything that is fuzzed has inputs, and nothing else does.
    @Test func everyFolderIsATarget() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: CorpusTests.folder.path).sorted()
        #expect(folders == FuzzTarget.all.map(\.name).sorted())
    }

    private func changed(_ input: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var bytes = input
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            default: bytes.insert(contentsOf: bytes[at...].prefix(16), at: at)
            }
        }
        return bytes
    }
}

/// Draws that are the same in each run.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
