import EventLoop
import Glibc
import QueueCore
import TestSupport
import Testing
import WorkerCore

@testable import Worker

private let path = SidecarEnvironment.inherited()["PATH"] ?? ""

@Suite struct BidiKindTests {
    private let machine = SidecarMachine(environment: SidecarEnvironment.inherited(), temporaryFolder: "/tmp")
    private func pool(_ browser: String) -> Pool { Pool("a|\(browser)||bidi")! }

    @Test func firefoxListensItselfAndHasAProfileOfItsOwn() {
        let kind = BidiKind(executable: "/usr/bin/firefox-esr", args: ["--kiosk"])
        let one = kind.invocation(pool: pool("firefox"), folder: "/w/0-1")
        #expect(
            one.arguments == [
                "/usr/bin/firefox-esr", "--headless", "--no-remote", "--profile", "/w/0-1", "--remote-debugging-port",
                "0", "--kiosk",
            ])
        #expect(one.environment == ["TMPDIR": "/w/0-1", "HOME": "/w/0-1"])
        let shown = BidiKind(executable: "f", isHeadless: false).invocation(pool: pool("firefox"), folder: "/w")
        #expect(!shown.arguments.contains("--headless"))
    }

    @Test func chromiumIsDrivenByChromedriver() {
        let kind = BidiKind(executable: "/usr/bin/chromedriver", args: ["--verbose"])
        #expect(
            kind.invocation(pool: pool("chromium"), folder: "/w/0-1").arguments
                == ["/usr/bin/chromedriver", "--port=0", "--verbose"])
    }

    @Test(arguments: [
        ("ChromeDriver was started successfully on port 35295.", true, "ws://127.0.0.1:35295/session"),
        ("WebDriver BiDi listening on ws://127.0.0.1:41627", false, "ws://127.0.0.1:41627/session"),
        ("Starting ChromeDriver 156.0.8078.108 (730482a) on port 0", true, nil),
        ("ChromeDriver was started successfully on port 0.", true, nil),
        ("ChromeDriver was started successfully on port 65536.", true, nil),
        ("ChromeDriver was started successfully on port 35295.", false, nil),
        ("WebDriver BiDi listening on ws://10.0.0.1:41627", false, nil),
        ("WebDriver BiDi listening on ws://127.0.0.1:41627", true, nil),
        ("console.log: WebDriver BiDi listening on ws://127.0.0.1:41627", false, nil),
    ])
    func theEndpointIsTheSessionsOfThePortThatIsPrinted(line: String, isStandardOutput: Bool, endpoint: String?) {
        let reading = BidiKind(executable: "x").read(line: line, isStandardOutput: isStandardOutput)
        var found: String?
        if case .listens(let read) = reading { found = "\(read)" }
        #expect(found == endpoint)
    }

    @Test(arguments: [
        ("firefox", nil, "pool a: there is no firefox here: apt-get install firefox-esr"),
        ("chromium", nil, "pool a: there is no chromedriver here: apt-get install chromium-driver"),
        ("firefox", "/nowhere/firefox", "pool a, executable: /nowhere/firefox cannot be run"),
    ])
    func aProgramThatIsMissingOrBrokenIsTold(browser: String, executable: String?, words: String) {
        let failure = #expect(throws: WorkerFailure.self) {
            try BidiKind(executable: executable).checked(for: pool(browser), on: machine)
        }
        #expect(failure?.description.hasPrefix(words) == true, "\(failure?.description ?? "")")
    }

    /// chromedriver would refuse each session.
    @Test func aChromedriverOfAnotherVersionIsTold() throws {
        let folder = try TemporaryFolder()
        for (name, version) in [("chromedriver", "155.0.1.2"), ("chromium", "156.0.3.4")] {
            #expect(Files.write("\(folder.path)/\(name)", "#!/bin/sh\necho \(name) \(version) x\n"))
            chmod("\(folder.path)/\(name)", 0o755)
        }
        let machine = SidecarMachine(environment: ["PATH": folder.path], temporaryFolder: "/tmp")
        let kind = BidiKind(executable: BidiKind.executable(browser: "chromium", path: folder.path))
        let failure = #expect(throws: WorkerFailure.self) { try kind.checked(for: pool("chromium"), on: machine) }
        #expect(
            failure?.description
                == "pool a, executable: chromedriver 155.0.1.2 does not fit \(folder.path)/chromium 156.0.3.4: install the "
                + "same version")
        #expect(Files.write("\(folder.path)/chromedriver", "#!/bin/sh\necho ChromeDriver 156.0.9.9 x\n"))
        #expect(try kind.checked(for: pool("chromium"), on: machine).product == "Chrome/156.0.3.4")
    }
}
