import EventLoop
import Glibc
import QueueCore
import TestSupport
import Testing

@testable import Worker

@Suite struct LeftoversTests {
    private let node = "sweep-\(Crypto.randomHex(bytes: 4))"

    private func mark(_ generation: UInt64) -> SidecarMark {
        SidecarMark(ProcessID(node: node, generation: generation)!)
    }

    /// A process marked as a sidecar of `owner`, ended by the loop's close at the latest.
    private func sleeper(
        _ loop: Loop, _ mark: SidecarMark, owner: String, onExit: @escaping (ChildProcess.Exit) -> Void
    )
        throws -> ChildProcess
    {
        var environment = mark.environment
        environment[SidecarMark.ownerKey] = owner
        environment["PATH"] = "/usr/bin:/bin"
        var isUp = false
        let child = try ChildProcess(
            loop: loop, arguments: ["sh", "-c", "echo up; exec sleep 600"], environment: environment,
            onLine: { _, _ in isUp = true }, onExit: onExit)
        let holds = loop.run(until: { isUp }, timeoutMilliseconds: 10_000)
        #expect(holds)
        return child
    }

    @Test func whatADeadWorkerLeftIsKilledAndALivingOnesIsNot() throws {
        let loop = try Loop()
        let parent = "/tmp/berth-test-\(Crypto.randomHex(bytes: 8))"
        #expect(Files.makeFolder(parent))
        let living = try #require(Leftovers.name(of: getpid()))
        var orphanExit: ChildProcess.Exit?
        var livingExit: ChildProcess.Exit?
        var ownExit: ChildProcess.Exit?
        // The pid is this process', the start time is not.
        _ = try sleeper(loop, mark(1), owner: "\(getpid()).1") { orphanExit = $0 }
        let other = try sleeper(loop, mark(2), owner: living) { livingExit = $0 }
        let own = try sleeper(loop, mark(3), owner: "") { ownExit = $0 }
        for generation: UInt64 in 1...3 {
            #expect(mark(generation).makeFolder(in: parent, owner: generation == 2 ? living : "1.1"))
            #expect(Files.makeFolder("\(mark(generation).folder(in: parent))/0-1"))
        }
        let foreign = SidecarMark(ProcessID(node: "other-\(node)", generation: 4)!)
        #expect(foreign.makeFolder(in: parent, owner: "1.1"))
        #expect(Leftovers.sweep(mark(3), parent: parent) == 1)
        let isKilled = loop.run(until: { orphanExit != nil }, timeoutMilliseconds: 10_000)
        #expect(isKilled)
        #expect(orphanExit == .signal(SIGKILL))
        #expect(livingExit == nil && ownExit == nil)
        #expect(!Files.exists(mark(1).folder(in: parent)))
        #expect(Files.exists(mark(2).folder(in: parent)))
        #expect(Files.exists(mark(3).folder(in: parent)))
        #expect(Files.exists(foreign.folder(in: parent)))
        other.signalGroup(SIGKILL)
        own.signalGroup(SIGKILL)
        loop.run()
        #expect(livingExit != nil && ownExit != nil)
        Files.remove(parent)
        #expect(!Files.exists(parent))
        #expect(loop.close())
    }

    /// Names in /tmp are anybody's: a link to a folder with a fitting note leads nowhere, a pipe for a note does not block.
    @Test func onlyAFolderOfTheUsersIsSwept() throws {
        let parent = try TemporaryFolder()
        let (linked, piped) = (mark(5), mark(6))
        let elsewhere = "\(parent.path)/elsewhere"
        #expect(Files.makeFolder(elsewhere) && Files.write("\(elsewhere)/owner", "\(node) 1.1"))
        symlink(elsewhere, linked.folder(in: parent.path))
        #expect(Files.makeFolder(piped.folder(in: parent.path)))
        mkfifo("\(piped.folder(in: parent.path))/owner", 0o600)
        LeftoverFolders.sweep(parent.path, node: node, except: [])
        #expect(Files.exists("\(elsewhere)/owner") && Files.exists(linked.folder(in: parent.path)))
        #expect(Files.exists(piped.folder(in: parent.path)))
        #expect(!linked.makeFolder(in: parent.path), "the name is taken")
    }

    /// A sidecar's child in a session of its own outlives a sidecar that is killed, but not for long.
    @Test func whatAKilledSidecarStartedGoesWithIt() throws {
        let bench = try Bench(
            command: [
                "python3", "-u", "-c",
                """
                import subprocess, time
                child = subprocess.Popen(["sleep", "600"], start_new_session=True)
                print(f"child {child.pid}")
                open("child", "w").write(str(child.pid))
                print("ws://STUB")
                time.sleep(600)
                """,
            ])
        bench.startAll()
        let text = try #require(Files.read("\(bench.folder)/0-1/child", bytesMax: 32))
        let child = try #require(Int32(text))
        #expect(Leftovers.name(of: child) != nil)
        let sidecar = try #require(bench.board.sidecarPID(0))
        kill(sidecar, SIGKILL)
        bench.wait { bench.ledger.entries.count(where: { $0 == .ready(0, .none) }) == 2 }
        // Nothing of the first is left by the time the second starts.
        #expect(Leftovers.name(of: child) == nil)
        // The second one is told to end and leaves its child.
        let second = try #require(Files.read("\(bench.folder)/0-2/child", bytesMax: 32).flatMap { Int32($0) })
        #expect(Leftovers.name(of: second) != nil)
        bench.close()
        #expect(Leftovers.name(of: second) == nil)
    }

    @Test func aProcessIsNamedByItsStart() {
        let name = Leftovers.name(of: getpid()) ?? ""
        #expect(name.hasPrefix("\(getpid())."))
        #expect(Leftovers.isAlive(owner: name))
        #expect(!Leftovers.isAlive(owner: ""))
        #expect(!Leftovers.isAlive(owner: "\(getpid())"))
        #expect(!Leftovers.isAlive(owner: "\(getpid()).0"))
    }

    @Test func sidecarsDoNotInheritSecrets() {
        setenv("NODE_SECRET", "x", 1)
        setenv("BERTH_SIDECAR_NODE", "outer", 1)
        setenv("KEPT_FOR_SIDECARS", "a=b", 1)
        let inherited = SidecarEnvironment.inherited()
        #expect(inherited["NODE_SECRET"] == nil)
        #expect(inherited["BERTH_SIDECAR_NODE"] == nil)
        #expect(inherited["KEPT_FOR_SIDECARS"] == "a=b")
        unsetenv("NODE_SECRET")
        unsetenv("BERTH_SIDECAR_NODE")
    }
}
