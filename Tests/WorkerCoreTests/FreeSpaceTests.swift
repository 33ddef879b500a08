import Testing
import WorkerCore

/// Too little room on a file system.
@Suite struct FreeSpaceTests {
    private static let mebi: UInt64 = 1_048_576

    private func space(_ free: UInt64, of total: UInt64, files: UInt64 = 5_000, of allFiles: UInt64 = 10_000)
        -> FreeSpace
    {
        FreeSpace(
            freeBytes: free * FreeSpaceTests.mebi, totalBytes: total * FreeSpaceTests.mebi, freeFiles: files,
            totalFiles: allFiles)
    }

    /// In MiB: free and in all, and whether sessions are taken.
    @Test(
        arguments: [
            (256, 10_000, true), (255, 10_000, false),
            // 2 % of a large one.
            (2_000, 100_000, true), (1_999, 100_000, false),
            // A quarter of a small one.
            (16, 64, true), (15, 64, false), (0, 0, true),
        ] as [(UInt64, UInt64, Bool)])
    func theFolderHasAFloor(free: UInt64, total: UInt64, isRoom: Bool) {
        var floor = SpaceFloor.folder("/x")
        floor.look(space(free, of: total))
        #expect((floor.trouble == nil) == isRoom)
    }

    @Test func slotsDoNotGoBackAndForth() {
        var floor = SpaceFloor.folder("/x")
        var seen: [Bool] = []
        for free: UInt64 in [256, 255, 256, 319, 320, 256, 255] {
            floor.look(space(free, of: 10_000))
            seen.append(floor.trouble == nil)
        }
        #expect(seen == [true, false, false, false, true, true, false])
        floor.look(nil)
        #expect(floor.trouble != nil)
    }

    @Test(
        arguments: [(1_000, 10_000, true), (999, 10_000, false), (0, 0, true), (10, 40, true), (9, 40, false)]
            as [(UInt64, UInt64, Bool)])
    func filesHaveAFloor(files: UInt64, all: UInt64, isRoom: Bool) {
        var floor = SpaceFloor.folder("/x")
        floor.look(space(5_000, of: 10_000, files: files, of: all))
        #expect((floor.trouble == nil) == isRoom)
    }

    /// 64 MiB is what most containers have, and some of it is in use.
    @Test(
        arguments: [(64, 1_000, true), (63, 1_000, false), (20, 64, true), (15, 64, false)] as [(UInt64, UInt64, Bool)])
    func sharedMemoryHasAFloor(free: UInt64, total: UInt64, isRoom: Bool) {
        var floor = SpaceFloor.sharedMemory("/dev/shm")
        floor.look(space(free, of: total, files: 1, of: 10_000))
        #expect((floor.trouble == nil) == isRoom)
    }

    @Test func theWordsSayWhatToDo() {
        var floor = SpaceFloor.folder("/tmp")
        floor.look(space(12, of: 10_000))
        #expect(
            floor.trouble
                == "/tmp has 12 MiB left, and needs 256 MiB: the worker takes no sessions; remove files there, "
                + "or set TMPDIR to a larger file system")
        floor.look(space(5_000, of: 10_000, files: 3))
        #expect(floor.trouble?.hasPrefix("/tmp has room for 3 files, and needs it for 1250: ") == true)
        var shm = SpaceFloor.sharedMemory("/dev/shm")
        shm.look(space(1, of: 1_000))
        #expect(shm.trouble?.hasSuffix("or make it larger (--shm-size=1g for a container)") == true)
    }
}
