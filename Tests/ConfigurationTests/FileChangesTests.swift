import Testing

@testable import Configuration

@Suite struct FileChangesTests {
    /// - Returns: which of the looks cause a read.
    private func reads(from first: [String: Int], _ looks: [String: Int]...) -> [Bool] {
        var changes = FileChanges(first)
        return looks.map { changes.looked($0) }
    }

    @Test func aChangeIsReadOnceItStands() {
        #expect(reads(from: ["a": 1], ["a": 1], ["a": 2], ["a": 2], ["a": 2]) == [false, false, true, false])
    }

    @Test func aFileThatIsStillWrittenIsNotRead() {
        #expect(reads(from: ["a": 1], ["a": 2], ["a": 3], ["a": 4], ["a": 4]) == [false, false, false, true])
    }

    /// An editor removes the file for a moment.
    @Test func aFileThatIsGoneForOneLookIsNotMissed() {
        #expect(reads(from: ["a": 1], [:], ["a": 1], ["a": 1]) == [false, false, false])
        #expect(reads(from: ["a": 1], [:], ["a": 2], ["a": 2]) == [false, false, true])
    }

    @Test func aFileThatIsGoneIsReadForItsErrorOnce() {
        #expect(reads(from: ["a": 1], [:], [:], [:], ["a": 1], ["a": 1]) == [false, true, false, false, true])
    }

    @Test func anyOfSeveralFilesCounts() {
        #expect(reads(from: ["a": 1, "b": 1], ["a": 1, "b": 2], ["a": 1, "b": 2]) == [false, true])
        #expect(reads(from: ["a": 1], ["a": 1, "b": 1], ["a": 1, "b": 1]) == [false, true], "a new file")
    }
}
