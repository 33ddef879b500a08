import QueueCore
import Testing

@testable import WorkerCore

@Suite struct ProtocolLogKeepingTests {
    private func name(_ number: UInt64) -> String {
        "\(LeaseID(waiter: WaiterID(high: 0, low: number), attempt: 1))-1.jsonl"
    }

    private func file(_ number: UInt64, bytes: Int = 1, age: Int) -> ProtocolLogKeeping.File {
        .init(name: name(number), bytes: bytes, ageSeconds: age)
    }

    @Test func logsOfAWeekAreKept() {
        let files = [
            file(1, age: ProtocolLogKeeping.ageSecondsMax + 1), file(2, age: 5),
            file(3, age: ProtocolLogKeeping.ageSecondsMax), file(4, age: ProtocolLogKeeping.ageSecondsMax + 2),
        ]
        #expect(ProtocolLogKeeping.surplus(files, open: []) == [name(4), name(1)])
        #expect(ProtocolLogKeeping.surplus(files, open: [name(4)]) == [name(1)])
    }

    @Test func theOldestGoBeyondTheSize() {
        let half = ProtocolLogKeeping.folderBytesMax / 2
        let fitting = [file(1, bytes: half, age: 3), file(2, bytes: half, age: 9)]
        #expect(ProtocolLogKeeping.surplus(fitting, open: []) == [])
        let more = fitting + [file(3, bytes: 1, age: 1), file(4, bytes: 1, age: 20)]
        #expect(ProtocolLogKeeping.surplus(more, open: []) == [name(4), name(2)])
        // An open one stays, so the next one goes.
        #expect(ProtocolLogKeeping.surplus(more, open: [name(4), name(2)]) == [name(1)])
    }

    /// A small log counts as a block of the disk.
    @Test func theNumberOfLogsIsBounded() {
        let most = ProtocolLogKeeping.folderBytesMax / ProtocolLogKeeping.blockBytes
        let files = (0...most).map { file(UInt64($0), bytes: 0, age: $0) }
        #expect(ProtocolLogKeeping.surplus(files, open: []) == [name(UInt64(most))])
    }

    @Test func otherFilesStay() {
        let names = [
            "notes.txt", "a-1.jsonl", name(1) + "~", "x" + name(1), "\(name(1).dropLast(8))-x.jsonl", ".jsonl",
        ]
        let files = names.map { ProtocolLogKeeping.File(name: $0, bytes: 1 << 40, ageSeconds: 1 << 40) }
        #expect(ProtocolLogKeeping.surplus(files, open: []) == [])
        #expect(ProtocolLogKeeping.isLog(name(1)))
    }

    @Test func aPoolMayRefuseAllowOrWantLogs() {
        let modes: [ProtocolLogMode] = [.off, .allowed, .on]
        #expect(modes.map { $0.logs(asked: true) } == [false, true, true])
        #expect(modes.map { $0.logs(asked: false) } == [false, false, true])
    }
}
