import Foundation
import Glibc
import TestSupport
import Testing

@testable import EventLoop

@Suite struct OwnFolderTests {
    private func isOwn(_ path: String) -> Bool { OwnFolder(path) != nil }

    @Test func removesWhatIsInItAndFollowsNoLink() throws {
        let folder = try TemporaryFolder()
        let (kept, doomed) = ("\(folder.path)/kept", "\(folder.path)/doomed")
        for path in [kept, doomed, "\(doomed)/inner"] { #expect(Files.makeFolder(path)) }
        for path in ["\(kept)/file", "\(doomed)/file", "\(doomed)/inner/file"] { #expect(Files.write(path, "x")) }
        symlink(kept, "\(doomed)/link")
        mkfifo("\(doomed)/pipe", 0o600)
        Files.remove(doomed)
        #expect(!Files.exists(doomed) && Files.exists("\(kept)/file"))
        symlink(kept, doomed)
        Files.remove(doomed)
        #expect(!Files.exists(doomed) && Files.exists("\(kept)/file"))
    }

    /// A local user exchanges a folder for a link while it is removed.
    @Test func aFolderExchangedForALinkLeadsNowhere() throws {
        let folder = try TemporaryFolder()
        let root = folder.path
        let (victim, doomed) = ("\(root)/victim", "\(root)/doomed")
        let names = (0..<100).map { "file-\($0)" }
        #expect(Files.makeFolder(victim))
        for name in names { #expect(Files.write("\(victim)/\(name)", "")) }
        for _ in 0..<5 {
            #expect(Files.makeFolder(doomed) && Files.makeFolder("\(doomed)/inner"))
            for name in names { #expect(Files.write("\(doomed)/inner/\(name)", "")) }
            symlink(victim, "\(root)/link")
            let (begun, over) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            Thread.detachNewThread {
                begun.signal()
                // As soon as its first file is gone, at the latest after so many looks.
                for _ in 0..<10_000 where Files.entries("\(doomed)/inner").count < names.count { break }
                rename("\(doomed)/inner", "\(root)/aside")
                rename("\(root)/link", "\(doomed)/inner")
                over.signal()
            }
            begun.wait()
            Files.remove(doomed)
            over.wait()
            Files.remove(doomed)
            for name in ["link", "aside"] { Files.remove("\(root)/\(name)") }
            #expect(!Files.exists(doomed))
            #expect(Files.entries(victim).count == names.count)
        }
    }

    @Test func aNoteIsAFileOfTheUsers() throws {
        let folder = try TemporaryFolder()
        guard let own = OwnFolder(folder.path) else { throw SystemError(code: -errno, operation: "open") }
        #expect(Files.write("\(folder.path)/note", "node 1.2"))
        #expect(own.read("note", bytesMax: 8) == "node 1.2")
        #expect(own.read("note", bytesMax: 7) == nil)
        symlink("note", "\(folder.path)/link")
        mkfifo("\(folder.path)/pipe", 0o600)
        mkdir("\(folder.path)/folder", 0o700)
        for name in ["link", "pipe", "folder", "none"] { #expect(own.read(name, bytesMax: 8) == nil, "\(name)") }
        #expect(!isOwn("\(folder.path)/note") && !isOwn("\(folder.path)/link"))
        #expect(!Files.write("\(folder.path)/link", "x"))
    }

    /// As root everybody's files can be removed: those of others are left alone all the same.
    @Test(.enabled(if: geteuid() == 0)) func whatBelongsToOthersStays() throws {
        let folder = try TemporaryFolder()
        let doomed = "\(folder.path)/doomed"
        for path in [doomed, "\(doomed)/theirs"] { #expect(Files.makeFolder(path)) }
        for path in ["\(doomed)/ours", "\(doomed)/theirs/file", "\(doomed)/theirs.txt"] {
            #expect(Files.write(path, ""))
        }
        let nobody: uid_t = 65_534
        for path in ["\(doomed)/theirs", "\(doomed)/theirs.txt"] { lchown(path, nobody, nobody) }
        Files.remove(doomed)
        #expect(Set(Files.entries(doomed)) == ["theirs", "theirs.txt"])
        #expect(!isOwn("\(doomed)/theirs") && Files.exists("\(doomed)/theirs/file"))
        for path in ["\(doomed)/theirs", "\(doomed)/theirs.txt"] { lchown(path, 0, 0) }
    }

    @Test func filesAreMadeAnewListedAndRemoved() throws {
        let folder = try TemporaryFolder()
        guard let own = OwnFolder(folder.path), let file = own.create("new") else {
            Issue.record("no folder")
            return
        }
        #expect(write(file, "abc", 3) == 3)
        close(file)
        symlink("new", "\(folder.path)/link")
        symlink("elsewhere", "\(folder.path)/dangling")
        mkdir("\(folder.path)/inner", 0o700)
        for name in ["new", "link", "dangling", "inner"] {
            #expect(own.create(name) == nil && errno == EEXIST, "\(name)")
        }
        let files = own.files()
        #expect(files.map(\.name) == ["new"] && files.map(\.bytes) == [3])
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        #expect(abs(files[0].writtenSecond - now.tv_sec) < 60)
        for name in ["new", "link", "inner"] { own.remove(name) }
        #expect(Set(Files.entries(folder.path)) == ["dangling", "inner"])
    }

    @Test func nestingIsBounded() throws {
        let folder = try TemporaryFolder()
        let doomed = "\(folder.path)/doomed"
        var path = doomed
        for _ in 0...(OwnFolder.depthMax + 1) {
            #expect(Files.makeFolder(path))
            path += "/d"
        }
        Files.remove(doomed)
        // The deepest one is beyond the first call's reach, and within that of one that begins a level below.
        #expect(Files.exists(doomed))
        Files.remove("\(doomed)/d")
        Files.remove(doomed)
        #expect(!Files.exists(doomed))
    }
}
