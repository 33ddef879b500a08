import EventLoop
import Glibc
import QueueCore
import Testing
import WorkerCore

@testable import Worker

private let driver = try? PlaywrightDriver.find(folder: nil, environment: SidecarEnvironment.inherited())
private let chromium = PlaywrightDriver.executable(
    browser: "chromium", path: SidecarEnvironment.inherited()["PATH"] ?? "")

/// A real browser server behind a slot, where Playwright (`VIRTUAL_ENV`) and Chromium are installed.
@Suite(.enabled(if: driver != nil && chromium != nil)) struct PlaywrightSessionTests {
    @Test func aPlaywrightClientIsGreetedByABrowser() throws {
        let driver = try #require(driver)
        let kind = PlaywrightKind(driver, executable: try #require(chromium))
        let pool = try #require(Pool("a|chromium|\(driver.version)|playwright"))
        let bench = try Bench(PoolPlan(pool: pool, slots: 1)) { _ in kind }
        bench.startAll()
        let grant = bench.grant(1)
        let head = """
            GET / HTTP/1.1\r
            Connection: Upgrade\r
            Upgrade: websocket\r
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
            Sec-WebSocket-Version: 13\r
            User-Agent: Playwright/\(driver.version).0 (x64; debian 12) python/3.11\r
            \r

            """
        let peer = bench.dial(grant, head: head)
        bench.wait { peer.text.contains("\r\n\r\n") }
        #expect(peer.text.hasPrefix(bench.proof(grant) + "HTTP/1.1 101 "))
        peer.close()
        bench.wait { bench.ledger.isReady(0, grant.token) }
        bench.close()
        bench.expectNothingLeft()
    }
}
