import Testing

@testable import WorkerCore

@Suite struct WorkFolderPathTests {
    /// The longest names of a worker and of Chromium, in the longest folder that is taken.
    @Test func theLongestPathOfASocketFits() throws {
        let longest = String(repeating: "/", count: WorkFolderPath.socketBytesMax - WorkFolderPath.addedBytesMax)
        let name = WorkFolderPath.name(sidecar: WorkFolderPath.sidecarsMax - 1, start: WorkFolderPath.startsMax - 1)
        let socket = "\(longest)/berth-12345678/\(name)/org.chromium.Chromium.XXXXXX/SingletonSocket"
        #expect(name == "zzzz-zzzz" && socket.utf8.count == WorkFolderPath.socketBytesMax)
        #expect(WorkFolderPath.objection(to: longest) == nil)
        let words = try #require(WorkFolderPath.objection(to: longest + "/"))
        #expect(words.contains("TMPDIR") && words.contains("has 38 bytes, and 37 are the most"))
    }

    @Test func eachStartHasANameOfItsOwn() {
        #expect(WorkFolderPath.name(sidecar: 0, start: 1) == "0-1")
        #expect(WorkFolderPath.name(sidecar: 0, start: 36) == "0-10")
        #expect(WorkFolderPath.name(sidecar: 0, start: WorkFolderPath.startsMax + 1) == "0-1")
    }
}
