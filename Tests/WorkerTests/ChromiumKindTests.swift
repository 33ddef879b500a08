import EventLoop
import QueueCore
import Testing
import WorkerCore

@testable import Worker

private let chromium = PlaywrightDriver.executable(
    browser: "chromium", path: SidecarEnvironment.inherited()["PATH"] ?? "")

@Suite struct ChromiumKindTests {
    private let pool = Pool("a|chromium||cdp")!
    private let machine = SidecarMachine(environment: SidecarEnvironment.inherited(), temporaryFolder: "/tmp")

    @Test func eachStartHasAProfileOfItsOwn() {
        let kind = ChromiumKind(executable: "/usr/bin/chromium", args: ["--lang=de", "--mute-audio"])
        let one = kind.invocation(folder: "/w/0-1", isRoot: false)
        #expect(one.arguments.first == "/usr/bin/chromium")
        #expect(one.arguments.contains("--headless=new") && one.arguments.contains("--remote-debugging-port=0"))
        #expect(one.arguments.contains("--user-data-dir=/w/0-1/profile"))
        #expect(one.arguments.suffix(3) == ["--lang=de", "--mute-audio", "about:blank"])
        #expect(one.environment == ["TMPDIR": "/w/0-1", "HOME": "/w/0-1"])
        #expect(!one.arguments.contains("--no-sandbox"))
        #expect(kind.invocation(folder: "/w/0-1", isRoot: true).arguments.contains("--no-sandbox"))
        let shown = ChromiumKind(executable: "/usr/bin/chromium", isHeadless: false)
        let arguments = shown.invocation(folder: "/w/0-1", isRoot: false).arguments
        #expect(!arguments.contains("--headless=new") && !arguments.contains { $0.hasPrefix("--disable-features") })
    }

    @Test(arguments: [
        ([], "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup"),
        (["--disable-features="], "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup"),
        (
            ["--disable-features=A,B", "--x", "--disable-features=C"],
            "--disable-features=A,B,C,WebUIOmniboxPopup,WebUIOmniboxAimPopup"
        ),
    ])
    func aHeadlessBrowserHasOneListOfDisabledFeatures(args: [String], list: String) {
        let kind = ChromiumKind(executable: "/c", args: args)
        let arguments = kind.invocation(folder: "/w", isRoot: false).arguments
        #expect(arguments.filter { $0.hasPrefix("--disable-features") } == [list])
        #expect(arguments.first == "/c" && arguments.last == "about:blank")
        #expect(arguments.contains("--x") == args.contains("--x"))
    }

    @Test func theEndpointIsInOneLineOfStandardError() throws {
        let kind = ChromiumKind(executable: "chromium")
        let line = "DevTools listening on ws://127.0.0.1:43717/devtools/browser/4204e164"
        guard case .listens(let endpoint) = kind.read(line: line, isStandardOutput: false) else {
            Issue.record("not read")
            return
        }
        #expect("\(endpoint)" == "ws://127.0.0.1:43717/devtools/browser/4204e164")
        #expect(kind.read(line: line, isStandardOutput: true) == .nothing)
        #expect(kind.read(line: "[1:2] console: ws://127.0.0.1:1/x", isStandardOutput: false) == .nothing)
    }

    @Test(arguments: [
        (nil, "pool a: there is no chromium here: apt-get install chromium"),
        ("/nowhere/chromium", "pool a, executable: /nowhere/chromium cannot be run"),
    ])
    func aBrowserThatIsMissingOrBrokenIsTold(executable: String?, words: String) {
        let kind = ChromiumKind(executable: executable)
        let failure = #expect(throws: WorkerFailure.self) { try kind.checked(for: pool, on: machine) }
        #expect(failure?.description.hasPrefix(words) == true, "\(failure?.description ?? "")")
    }

    @Test(.enabled(if: chromium != nil)) func theVersionIsReadOnce() throws {
        let kind = try ChromiumKind(executable: chromium).checked(for: pool, on: machine)
        let product = try #require(kind.product)
        #expect(product.wholeMatch(of: /Chrome\/\d+\.\d+\.\d+\.\d+/) != nil, "\(product)")
    }

    /// A real browser behind a slot: each session has another one.
    @Test(.enabled(if: chromium != nil)) func aClientReachesABrowserAndTheNextOneAnother() throws {
        let kind = try ChromiumKind(executable: chromium).checked(for: pool, on: machine)
        let bench = try Bench(PoolPlan(pool: pool, slots: 1)) { _ in kind }
        bench.startAll()
        var pids: [Int32?] = []
        for number in 1...2 {
            let grant = bench.grant(Int64(number))
            let peer = bench.dial(grant, head: upgradeHead)
            bench.wait { peer.text.contains("\r\n\r\n") }
            #expect(peer.text.hasPrefix(bench.proof(grant) + "HTTP/1.1 101 "), "\(peer.text)")
            pids.append(bench.board.sidecarPID(0))
            peer.close()
            bench.wait { bench.ledger.isReady(0, grant.token) }
        }
        #expect(pids[0] != nil && pids[0] != pids[1])
        bench.close()
        bench.expectNothingLeft()
    }
}
