import EventLoop
import Glibc
import TestSupport
import Testing

@Suite struct ChildProcessTests {
    /// A child with what it said and how it ended.
    private final class Run {
        var lines: [String] = []
        var errors: [String] = []
        var exit: ChildProcess.Exit?
        private(set) var child: ChildProcess!

        init(_ loop: Loop, _ arguments: [String], environment: [String: String] = [:], folder: String? = nil) throws {
            var environment = environment
            if environment["PATH"] == nil { environment["PATH"] = "/usr/bin:/bin" }
            child = try ChildProcess(
                loop: loop, arguments: arguments, environment: environment, workingDirectory: folder,
                onLine: { [unowned self] channel, line in
                    #expect(exit == nil, "no line after the exit")
                    if channel == .stdout { lines.append(line) } else { errors.append(line) }
                }, onExit: { [unowned self] in exit = $0 })
        }

        convenience init(_ loop: Loop, shell: String, folder: String? = nil) throws {
            try self.init(loop, ["sh", "-c", shell], folder: folder)
        }
    }

    @Test func linesOfBothChannelsAndTheCode() throws {
        let loop = try Loop()
        let run = try Run(loop, shell: "echo one; echo bad >&2; printf 'two\\r\\n\\nlast'; exit 7")
        loop.expect({ run.exit != nil }, "it ends")
        #expect(run.lines == ["one", "two", "", "last"])
        #expect(run.errors == ["bad"])
        #expect(run.exit == .code(7))
        #expect(loop.close())
    }

    /// A worker that runs niced keeps its sidecars niced, hastened ones too.
    @Test(.enabled(if: ChildProcess.mayRaisePriority)) func nicenessIsCountedFromThisProcess() throws {
        let this = __priority_which_t(PRIO_PROCESS.rawValue)
        let own = getpriority(this, 0)
        setpriority(this, 0, own + 2)
        defer { setpriority(this, 0, own) }
        let loop = try Loop()
        let run = try Run(loop, ["tail", "-f", "/dev/null"])
        for steps in [10, 0] as [Int32] {
            run.child.setNiceness(steps)
            #expect(getpriority(this, id_t(run.child.pid)) == own + 2 + steps)
        }
        run.child.signalGroup(SIGKILL)
        loop.expect({ run.exit != nil }, "it ends")
        #expect(loop.close())
    }

    @Test func longLinesAreCutAndManyPass() throws {
        let loop = try Loop()
        let run = try Run(
            loop,
            shell: "head -c 100000 /dev/zero | tr '\\0' x; echo; head -c 4096 /dev/zero | tr '\\0' y; echo; seq 20000")
        loop.expect({ run.exit != nil }, "it ends")
        #expect(run.lines.count == 20002)
        #expect(run.lines.first == String(repeating: "x", count: 4096))
        #expect(run.lines[1] == String(repeating: "y", count: 4096))
        #expect(run.lines.last == "20000")
        #expect(loop.close())
    }

    @Test func environmentFolderAndDescriptorsAreItsOwn() throws {
        let loop = try Loop()
        let inherited = open("/dev/null", O_RDONLY)
        let high = dup2(inherited, 200)
        let run = try Run(
            loop, shell: "pwd; env | grep -v -e PWD -e SHLVL -e '^_='; ls /proc/$$/fd; readlink /proc/$$/fd/0",
            folder: "/usr")
        loop.expect({ run.exit != nil }, "it ends")
        close(inherited)
        close(high)
        #expect(run.lines == ["/usr", "PATH=/usr/bin:/bin", "0", "1", "2", "/dev/null"])
        #expect(loop.close())
    }

    @Test func signalsAreDefaultAndUnblocked() throws {
        let loop = try Loop()
        let run = try Run(loop, ["cat", "/proc/self/status"])
        loop.expect({ run.exit != nil }, "it ends")
        for name in ["SigBlk", "SigIgn", "SigCgt"] {
            let mask = run.lines.first { $0.hasPrefix(name) }?.split(separator: "\t").last.flatMap {
                UInt64($0, radix: 16)
            }
            // 32 and 33 belong to the C library, which gives no access to them.
            #expect(mask.map { $0 & ~(3 << 31) } == 0, "\(name)")
        }
        #expect(loop.close())
    }

    @Test func missingProgramAndFolderAreErrorsOfTheStart() throws {
        let loop = try Loop()
        let error = #expect(throws: SystemError.self) { _ = try Run(loop, ["berth-no-such-program"]) }
        #expect(error?.code == -ENOENT)
        let folder = #expect(throws: SystemError.self) { _ = try Run(loop, shell: "true", folder: "/no/such/folder") }
        #expect(folder?.code == -ENOENT)
        let notExecutable = #expect(throws: SystemError.self) { _ = try Run(loop, ["/etc/passwd"]) }
        #expect(notExecutable?.code == -EACCES)
        #expect(loop.close())
    }

    @Test func groupIsSignalledAsAWhole() throws {
        let loop = try Loop()
        let run = try Run(loop, shell: "sleep 1000 & echo $!; sleep 1000")
        loop.expect({ run.lines.count == 1 }, "the grandchild is there")
        let grandchild = try #require(Int32(run.lines[0]))
        #expect(getpgid(grandchild) == run.child.pid && getsid(run.child.pid) == run.child.pid)
        run.child.signalGroup(SIGTERM)
        loop.expect({ run.exit != nil }, "it ends")
        #expect(run.exit == .signal(SIGTERM))
        run.child.signalGroup(SIGKILL)
        loop.expect({ !isAlive(grandchild) }, "the grandchild too")
        #expect(loop.close())
    }

    @Test func restOfTheGroupDiesWithItsLeader() throws {
        let loop = try Loop()
        let run = try Run(loop, shell: "trap '' TERM; sleep 1000 & echo $!; exit 0")
        loop.expect({ run.exit != nil }, "it ends")
        #expect(run.exit == .code(0))
        let grandchild = try #require(Int32(run.lines[0]))
        loop.expect({ !isAlive(grandchild) }, "nothing is left")
        #expect(loop.close())
    }

    @Test func pipeHeldOutsideTheGroupDelaysTheExitAMomentOnly() throws {
        let loop = try Loop()
        let run = try Run(loop, shell: "setsid sleep 1000 & echo $!; exit 3")
        loop.expect({ run.exit != nil }, "reported all the same")
        #expect(run.exit == .code(3))
        kill(try #require(Int32(run.lines[0])), SIGKILL)
        #expect(loop.close())
    }

    @Test func manyAtOnceAllEnd() throws {
        let loop = try Loop()
        let runs = try (0..<30).map { try Run(loop, shell: "echo \($0); exit \($0)") }
        loop.expect({ runs.allSatisfy { $0.exit != nil } }, "all end")
        #expect(runs.map(\.exit) == (0..<30).map { .code($0) })
        #expect(runs.map(\.lines) == (0..<30).map { [String($0)] })
        #expect(loop.close())
    }

    @Test func childDiesWhenItsParentIsKilled() async throws {
        let result = try await #require(processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]) {
            let loop = try Loop()
            let child = try ChildProcess(
                loop: loop, arguments: ["sleep", "1000"], environment: ["PATH": "/usr/bin:/bin"],
                onLine: { _, _ in }, onExit: { _ in })
            let text = "pid=\(child.pid);\n"
            write(1, text, text.utf8.count)
            kill(getpid(), SIGKILL)
        }
        let output = String(decoding: result.standardOutputContent, as: UTF8.self)
        let pid = try #require(output.split(separator: "=").last?.split(separator: ";").first.flatMap { Int32($0) })
        let loop = try Loop()
        loop.expect({ !isAlive(pid) }, "PR_SET_PDEATHSIG")
        #expect(loop.close())
    }
}

/// False for a zombie too.
func isAlive(_ pid: Int32) -> Bool {
    guard let file = fopen("/proc/\(pid)/stat", "r") else { return false }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = fread(&buffer, 1, 256, file)
    let state = String(decoding: buffer[..<count], as: UTF8.self).split(separator: ")").last?.first { $0 != " " }
    return state != "Z" && state != "X"
}
