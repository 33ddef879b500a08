import EventLoop
import Glibc
import QueueCore
import TestSupport
import Testing

@testable import Worker

@Suite struct PlaywrightDriverTests {
    /// A folder as the PyPI package lays it out.
    private func makeDriver(_ folder: String, version: String = "1.65.0") {
        for path in ["", "/package"] { #expect(Files.makeFolder(folder + path)) }
        #expect(Files.write("\(folder)/node", "#!/bin/sh\n"))
        chmod("\(folder)/node", 0o755)
        #expect(Files.write("\(folder)/package/cli.js", ""))
        #expect(
            Files.write("\(folder)/package/package.json", "{\n  \"name\": \"p\",\n  \"version\": \"\(version)\"\n}"))
    }

    @Test func findsADriverByFlagAndVenv() throws {
        let root = "/tmp/berth-test-\(Crypto.randomHex(bytes: 8))"
        #expect(Files.makeFolder(root))
        defer { Files.remove(root) }
        let venv = "\(root)/lib/python3.11/site-packages/playwright/driver"
        for end in ["lib", "lib/python3.11", "lib/python3.11/site-packages", "lib/python3.11/site-packages/playwright"]
        {
            #expect(Files.makeFolder("\(root)/\(end)"))
        }
        makeDriver("\(root)/flag")
        makeDriver(venv, version: "2.1.0")
        func version(_ folder: String?, _ environment: [String: String]) throws -> String {
            try PlaywrightDriver.find(folder: folder, environment: environment).version
        }
        let everything = ["VIRTUAL_ENV": root]
        #expect(try version("\(root)/flag", everything) == "1.65")
        #expect(try version(nil, ["VIRTUAL_ENV": root, "PATH": "/nowhere"]) == "2.1")
        let driver = try PlaywrightDriver.find(folder: "\(root)/flag", environment: [:])
        #expect(driver.node == "\(root)/flag/node")
        #expect(driver.script == "\(root)/flag/package/cli.js")
        #expect(throws: WorkerFailure.self) { try version("\(root)/lib", everything) }
        let failure = #expect(throws: WorkerFailure.self) { try version(nil, ["PATH": "/nowhere"]) }
        #expect(failure?.description.contains("pip install playwright") == true)
    }

    /// Packages of npm, which run on a node of PATH.
    @Test func findsADriverInNodeModules() throws {
        let root = try TemporaryFolder()
        func makePackage(_ folder: String, version: String) {
            var made = root.path
            for part in folder.split(separator: "/") {
                made += "/\(part)"
                #expect(Files.makeFolder(made))
            }
            #expect(Files.write("\(made)/cli.js", ""))
            #expect(Files.write("\(made)/package.json", "{\"version\": \"\(version)\"}"))
        }
        makePackage("bin", version: "")
        #expect(Files.write("\(root.path)/bin/node", "#!/bin/sh\n"))
        chmod("\(root.path)/bin/node", 0o755)
        let environment = ["PATH": "/nowhere:\(root.path)/bin"]
        func found(_ directory: String) throws -> PlaywrightDriver {
            try PlaywrightDriver.find(folder: nil, environment: environment, directory: root.path + directory)
        }
        #expect(throws: WorkerFailure.self) { try found("/a/b") }
        makePackage("lib/node_modules/playwright", version: "1.1.0")
        #expect(try found("/a/b").script == "\(root.path)/bin/../lib/node_modules/playwright/cli.js")
        makePackage("a/node_modules/@playwright/test", version: "1.2.0")
        #expect(try found("/a/b").script == "\(root.path)/a/node_modules/@playwright/test/cli.js")
        makePackage("a/node_modules/playwright-core", version: "1.3.0")
        let driver = try found("/a/b")
        #expect(driver.version == "1.3" && driver.node == "\(root.path)/bin/node")
        // Without a node no package runs.
        #expect(throws: WorkerFailure.self) {
            try PlaywrightDriver.find(
                folder: nil, environment: ["PATH": "/nowhere"], directory: "\(root.path)/a")
        }
    }

    @Test(arguments: [
        ("{\"version\":\"1.65.0\"}", "1.65"), ("{\"version\" : \"1.65.0-alpha-1\"}", "1.65"), ("{}", nil),
        ("{\"version\":\"1.65\"}", nil), ("{\"version\":\"x.y.z\"}", nil), ("{\"version\":1}", nil),
        ("{\"version\":{\"a\":\"1.2.3\"}}", nil),
    ])
    func readsItsVersion(manifest: String, version: String?) {
        #expect(PlaywrightDriver.version(manifest: manifest) == version)
    }

    @Test func writesTheConfigurationOfLaunchServer() {
        #expect(
            PlaywrightDriver.config(browser: "chromium", executable: "/usr/bin/\"c\\")
                == "{\"headless\":true,\"host\":\"127.0.0.1\",\"port\":0,\"executablePath\":\"/usr/bin/\\\"c\\\\\"}\n")
        #expect(PlaywrightDriver.config(browser: "firefox", executable: "/f").contains("\"channel\":\"moz-firefox\""))
        #expect(!PlaywrightDriver.config(browser: "firefox", executable: nil).contains("channel"))
    }

    @Test func startsLaunchServerWithItsFilesInTheWorkFolder() throws {
        let root = "/tmp/berth-test-\(Crypto.randomHex(bytes: 8))"
        #expect(Files.makeFolder(root))
        defer { Files.remove(root) }
        makeDriver("\(root)/d")
        let driver = try #require(PlaywrightDriver(folder: "\(root)/d", path: ""))
        let kind = PlaywrightKind(driver, executable: "/c", args: ["--a=b"])
        let invocation = kind.invocation(pool: Pool("a|chromium|1.65|raw")!, folder: "/w")
        #expect(
            invocation.arguments == [
                "\(root)/d/node", "\(root)/d/package/cli.js", "launch-server", "--browser", "chromium", "--config",
                "/w/launch.json",
            ])
        #expect(invocation.environment == ["TMPDIR": "/w", "HOME": "/w"])
        #expect(invocation.file?.content.contains("\"executablePath\":\"/c\",\"args\":[\"--a=b\"]") == true)
        let program = driver.node
        let launcher = try #require(ChromiumLauncher(program: program))
        #expect(ChromiumLauncher(program: "/nowhere/berth") == nil)
        let launched = PlaywrightKind(driver, executable: "/c", launcher: launcher)
            .invocation(pool: Pool("a|chromium|1.65|raw")!, folder: "/w")
        #expect(launched.file?.content.contains("\"executablePath\":\"\(program)\"") == true)
        #expect(launched.environment == ["TMPDIR": "/w", "HOME": "/w", "BERTH_LAUNCHES_CHROMIUM": "/c"])
        for (browser, isHeadless) in [("firefox", true), ("chromium", false)] {
            let plain = PlaywrightKind(driver, executable: "/c", isHeadless: isHeadless, launcher: launcher)
                .invocation(pool: Pool("a|\(browser)|1.65|raw")!, folder: "/w")
            #expect(plain.file?.content.contains("\"executablePath\":\"/c\"") == true)
            #expect(plain.environment == ["TMPDIR": "/w", "HOME": "/w"])
        }
        #expect(kind.read(line: "ws://127.0.0.1:1/x", isStandardOutput: true) != .nothing)
        #expect(kind.read(line: "ws://127.0.0.1:1/x", isStandardOutput: false) == .nothing)
    }
}
