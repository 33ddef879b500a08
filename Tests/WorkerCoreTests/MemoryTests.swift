import Testing
import WorkerCore

/// How much memory is left, and how much a sidecar may take.
@Suite struct MemoryTests {
    private let mebi: UInt64 = 1_048_576

    @Test func theLeastOfMachineAndGroupsIsAvailable() {
        let meminfo = "MemTotal:  2097152 kB\nMemFree: 1 kB\nMemAvailable:    1048576 kB\nCached: 5 kB\n"
        func group(_ limit: String, _ usage: String, _ details: String = "") -> MemoryReading.Group {
            MemoryReading.Group(limit: limit, usage: usage, details: details)
        }
        func available(_ groups: [MemoryReading.Group]) -> UInt64? {
            MemoryReading.availableBytes(meminfo: meminfo, groups: groups)
        }
        #expect(available([]) == 1_024 * mebi)
        #expect(available([group("max\n", "5\n"), group("", "")]) == 1_024 * mebi)
        #expect(available([group("1000\n", "300\n"), group("900\n", "300\n")]) == 600)
        #expect(available([group("1000\n", "900\n", "anon 500\ninactive_file 400\nactive_file 9\n")]) == 500)
        #expect(available([group("1000\n", "1200\n")]) == 0)
        #expect(available([group("1000\n", "100\n", "inactive_file 400\n")]) == 1_000)
        #expect(MemoryReading.availableBytes(meminfo: "", groups: []) == nil)
        #expect(MemoryReading.availableBytes(meminfo: "", groups: [group("10", "4")]) == 6)
    }

    @Test(arguments: [
        ("0::/\n", ["/sys/fs/cgroup"]),
        ("5:memory:/x\n0::/a/b.slice\n", ["/sys/fs/cgroup/a/b.slice", "/sys/fs/cgroup/a", "/sys/fs/cgroup"]),
        ("0::/../other\n", ["/sys/fs/cgroup"]), ("4:memory:/x\n", []), ("", []),
    ])
    func groupsAreFoundFromTheInnermost(membership: String, folders: [String]) {
        #expect(MemoryReading.groupFolders(membership: membership) == folders)
    }

    /// Each step: seconds, bytes available, whether memory is short after it.
    @Test(
        arguments: [
            [(0, 100, false), (2, 99, true), (4, 124, true), (100, 124, true)],
            [(0, 99, true), (2, 125, true), (31, 125, true), (32, 125, false), (34, 100, false)],
            [(0, 99, true), (2, 125, true), (20, 124, true), (40, 125, true), (69, 200, true), (70, 200, false)],
            [(0, 0, true), (2, nil, true), (4, 500, true), (20, nil, true), (34, 500, false)],
            [(0, nil, false)],
        ] as [[(UInt64, UInt64?, Bool)]])
    func memoryIsShortUntilThereWasPlentyForAWhile(steps: [(UInt64, UInt64?, Bool)]) {
        var reserve = MemoryReserve(bytes: 100)
        for (seconds, available, isShort) in steps {
            reserve.look(available: available, now: seconds * 1_000)
            #expect(reserve.isShort == isShort, "\(seconds) s")
        }
    }

    @Test func noReserveIsNeverShort() {
        var reserve = MemoryReserve(bytes: 0)
        reserve.look(available: 0, now: 0)
        #expect(!reserve.isShort)
    }

    @Test(
        arguments: [
            (100, 100, .kept), (101, 100, .exceeded), (200, 100, .exceeded), (201, 100, .exceededTwice),
            (.max, nil, .kept), (.max, .max, .kept),
        ] as [(UInt64, UInt64?, MemoryLimit)])
    func aLimitHasTwoSteps(bytes: UInt64, most: UInt64?, verdict: MemoryLimit) {
        #expect(MemoryLimit(bytes: bytes, most: most) == verdict)
    }

    @Test func sharedPagesCountOnce() {
        let processes = [("900 300 250 1 0 9 0\n", 4_096), ("80 50 20 1 0 9 0", 4_096)].map {
            ProcessMemory(statm: $0, pageBytes: UInt64($1))
        }
        #expect(MemoryLimit.bytes(of: processes.compactMap { $0 }) == (50 + 30 + 250) * 4_096)
        #expect(MemoryLimit.bytes(of: []) == 0)
        #expect(ProcessMemory(statm: "", pageBytes: 1) == nil && ProcessMemory(statm: "9 2 3", pageBytes: 1) == nil)
    }

    @Test(
        arguments: [
            (0, "0 KiB"), (1_048_575, "1023 KiB"), (536_870_912, "512 MiB"), (1_073_741_824, "1 GiB"),
            (1_610_612_736, "1.5 GiB"),
        ] as [(UInt64, String)])
    func bytesInWords(bytes: UInt64, words: String) { #expect(ByteSize.words(bytes) == words) }
}
