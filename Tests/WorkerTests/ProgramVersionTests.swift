import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Worker

@Suite struct ProgramVersionTests {
    private let environment = SidecarEnvironment.inherited()

    @Test(arguments: [
        ("Chromium 156.0.8078.108 built on Debian GNU/Linux 12 (bookworm)", "156.0.8078.108"),
        ("Mozilla Firefox 153.8.0esr", "153.8.0esr"),
        ("ChromeDriver 156.0.8078.108 (730482a940ce-refs/branch-heads/8078@{#2244})", "156.0.8078.108"),
        ("Debian 12", nil), ("v1.2", nil), ("1.", nil), (".1", nil), ("", nil),
    ])
    func theFirstWordWithTwoNumbers(line: String, version: String?) {
        #expect(ProgramVersion.read(line) == version)
    }

    @Test func aProgramThatDoesNotEndIsKilled() throws {
        let folder = try TemporaryFolder()
        let script = "\(folder.path)/slow"
        #expect(Files.write(script, "#!/bin/sh\nexec sleep 600\n"))
        chmod(script, 0o700)
        let failure = #expect(throws: WorkerFailure.self) {
            try ProgramVersion.ask(script, environment: environment, milliseconds: 50)
        }
        #expect(failure?.description == "\(script) --version did not end in 50 ms")
    }

    @Test func aProgramThatFailsIsToldByWhatItSaid() throws {
        let folder = try TemporaryFolder()
        let script = "\(folder.path)/broken"
        #expect(Files.write(script, "#!/bin/sh\necho Chromium 1.2\necho libnss3.so: cannot open >&2\nexit 127\n"))
        chmod(script, 0o700)
        let failure = #expect(throws: WorkerFailure.self) {
            try ProgramVersion.ask(script, environment: environment)
        }
        #expect(failure?.description == "\(script) --version failed: code(127): libnss3.so: cannot open")
    }

    @Test func secretsStayHere() throws {
        let folder = try TemporaryFolder()
        let script = "\(folder.path)/tell"
        #expect(Files.write(script, "#!/bin/sh\necho Program 1.${NODE_SECRET:-0}\n"))
        chmod(script, 0o700)
        let variables = environment.merging(["NODE_SECRET": "7"]) { $1 }
        #expect(try ProgramVersion.ask(script, environment: variables) == "1.0")
    }
}
