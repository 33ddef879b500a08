import Glibc
import TestSupport
import Testing

@testable import EventLoop

@Suite struct FileMarkTests {
    @Test func everyWayToReplaceAFileChangesItsMark() throws {
        let folder = try TemporaryFolder()
        let (file, other, link) = ("\(folder.path)/file", "\(folder.path)/other", "\(folder.path)/link")
        #expect(FileMark(file) == nil)
        #expect(Files.write(file, "one"))
        let first = FileMark(file)
        #expect(first != nil && FileMark(file) == first)
        #expect(Files.write(file, "one more"))
        let longer = FileMark(file)
        #expect(longer != first, "another size")
        #expect(Files.write(other, "one more") && rename(other, file) == 0)
        #expect(FileMark(file) != longer, "another file of that name")
        // Kubernetes exchanges a link.
        #expect(Files.write(other, "one more") && symlink(file, link) == 0)
        let linked = FileMark(link)
        #expect(linked == FileMark(file))
        unlink(link)
        symlink(other, link)
        #expect(FileMark(link) != linked)
    }
}
