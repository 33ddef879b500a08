import Glibc
import TestSupport
import Testing

@testable import EventLoop

/// In a process of their own: there is one taker of orphans a process.
@Suite struct OrphansTests {
    @Test func orphansAreReapedAndOwnChildrenKeepTheirStatus() async {
        await #expect(processExitsWith: .success) {
            let loop = try Loop()
            let orphans = try Orphans(loop: loop)
            var exits: [ChildProcess.Exit] = []
            var lines: [String] = []
            // Each leaves three orphans that end at different times, then ends with a status of its own.
            for number in 0..<8 {
                let shell = "for n in 0 0.01 0.1; do setsid sh -c \"echo \\$\\$; exec sleep $n\" & done; exit \(number)"
                _ = try ChildProcess(
                    loop: loop, arguments: ["sh", "-c", shell], environment: ["PATH": "/usr/bin:/bin"],
                    onLine: { lines.append($1) }, onExit: { exits.append($0) })
            }
            loop.expect({ exits.count == 8 }, "all end")
            #expect(Set(exits) == Set((0..<8).map { .code($0) }))
            loop.expect({ loop.strangers() == [] }, "nothing is left, zombies included")
            for line in lines { #expect(kill(Int32(line) ?? 0, 0) < 0 && errno == ESRCH, "\(line) is a zombie") }
            #expect(lines.count > 8)
            orphans.close()
            #expect(loop.childPIDs.isEmpty && loop.close())
        }
    }

    @Test func anOrphanThatLivesIsAStranger() async {
        await #expect(processExitsWith: .success) {
            let loop = try Loop()
            let orphans = try Orphans(loop: loop)
            #expect(loop.strangers() == [])
            var orphan: Int32 = 0
            var exit: ChildProcess.Exit?
            let child = try ChildProcess(
                loop: loop, arguments: ["sh", "-c", "setsid sh -c 'echo $$; exec sleep 600' & wait"],
                environment: ["PATH": "/usr/bin:/bin"], onLine: { orphan = Int32($1) ?? 0 }, onExit: { exit = $0 })
            loop.expect({ orphan != 0 }, "it runs")
            #expect(loop.strangers() == [], "it has a parent")
            child.signalGroup(SIGKILL)
            loop.expect({ exit != nil && loop.strangers() == [orphan] }, "it is left to us")
            kill(orphan, SIGKILL)
            loop.expect({ loop.strangers() == [] }, "and reaped")
            orphans.close()
            #expect(loop.strangers() == nil)
            #expect(loop.close())
        }
    }
}
