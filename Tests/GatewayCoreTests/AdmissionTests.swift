import HTTPCore
import QueueCore
import Testing

@testable import GatewayCore

@Suite struct AdmissionTests {
    @Test func playwrightAsksByItsOwnHeaders() throws {
        let request = try admit(playwright())
        #expect(request.selector.description == "|chromium|1.65|playwright")
        #expect(request.tenant == "default")
        #expect(request.waitMilliseconds == 120_000)
        #expect(request.kind == .playwright)
        #expect(try admit(playwright("/?browser=firefox")).selector.browser == "firefox")
        #expect(try admit(playwright("/?label=AppA:*:UAT")).selector.pattern == "AppA:*:UAT")
        #expect(try admit(playwright("/", ["x-berth-label: AppA"])).selector.pattern == "AppA")
        // A changed User-Agent is no reason to refuse: any version fits.
        let changed = handshake("/", ["User-Agent: mine", "x-playwright-browser: firefox"])
        #expect(try admit(changed).selector.description == "|firefox||playwright")
        #expect(try admit(changed).kind == .playwright)
        #expect(try admit(handshake("/", ["x-playwright-browser:"])).selector.browser == "chromium")
        // As Playwright's MCP server connects.
        let tool = try admit(handshake("/", [playwrightAgent, "x-playwright-proxy:"]))
        #expect(tool.selector.description == "|chromium|1.65|playwright" && tool.kind == .playwright)
        #expect(refusal(playwright("/?browser=opera"))?.code == .badRequest)
    }

    /// Puppeteer, `connect_over_cdp` and other CDP clients name no browser of Playwright's.
    @Test(arguments: ["/", "/cdp", "/devtools/browser/5f2b-1"], [playwrightAgent, "User-Agent: node", "x: y"])
    func otherClientsOfABrowserSpeakCDP(_ path: String, _ agent: String) throws {
        let request = try admit(handshake(path + "?label=A&x=1", [agent]))
        #expect(request.selector.description == "A|||cdp")
        #expect(request.kind == .cdp && request.waitMilliseconds == 25_000)
        #expect(String(decoding: request.head.composed(session: "s"), as: UTF8.self).hasPrefix("GET / HTTP/1.1\r\n"))
    }

    @Test func aConnectionToSessionSpeaksBiDi() throws {
        let request = try admit(handshake("/session?browser=firefox"))
        #expect(request.selector.description == "|firefox||bidi")
        let post = refusal("POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n")
        #expect(post?.status == 405 && post?.message.contains("connect a WebSocket to /session") == true)
    }

    @Test(arguments: ["/cdp", "/session"]) func playwrightsConnectIsSentToItsPath(_ path: String) {
        let refusal = refusal(playwright(path))
        #expect(refusal?.code == .upgradeRequired && refusal?.message.hasSuffix("connect goes to /") == true)
    }

    @Test func poolPathsTakeAnyClient() throws {
        let request = try admit(handshake("/pool/AppA%3AFirefox/devtools/x?y=1&wait=5s&z"))
        #expect(request.selector.description == "AppA:Firefox|||")
        #expect(request.waitMilliseconds == 5_000)
        let forwarded = String(decoding: request.head.composed(session: "s"), as: UTF8.self)
        #expect(forwarded.hasPrefix("GET /devtools/x?y=1&z HTTP/1.1\r\n"))
        #expect(try admit(handshake("/pool/A?browser=webkit")).selector.browser == "webkit")
    }

    @Test(arguments: [
        ("wait=0", 0), ("wait=7", 7_000), ("wait=500ms", 500), ("wait=1m", 60_000), ("wait=9h", 300_000),
    ])
    func readsWaits(_ query: String, _ expected: Int) throws {
        let request = try admit(handshake("/pool/A?\(query)"))
        #expect(request.waitMilliseconds == expected)
        #expect(request.mayWait == (expected > 0))
    }

    @Test func readsTheLimitsOfASession() throws {
        let request = try admit(handshake("/pool/A?ttl=30m&left=1", ["x-berth-idle: 60s"]))
        #expect(request.bounds == SessionBounds(ttlMilliseconds: 1_800_000, idleMilliseconds: 60_000))
        #expect(String(decoding: request.head.composed(session: "s"), as: UTF8.self).hasPrefix("GET /?left=1 HTTP"))
        #expect(try admit(handshake("/pool/A")).bounds == .none)
    }

    @Test func takesOptionsFromQueryFirst() throws {
        let lines = ["x-berth-wait: 9s", "x-run-id: other"]
        #expect(try admit(handshake("/pool/A?wait=3s&run=ci-7", lines)).waitMilliseconds == 3_000)
        #expect(try admit(handshake("/pool/A?wait=3s&run=ci-7", lines)).run == "ci-7")
        #expect(try admit(handshake("/pool/A", lines)).run == "other")
    }

    @Test(arguments: [
        ("/pool/A?wait=soon", 400), ("/pool/A?wait=-1", 400), ("/pool/A?wait=1001h", 400), ("/pool/A?wait=1d", 400),
        ("/pool/A?priority=x", 400), ("/pool/A?run=", 400), ("/pool/A?run=a%20b", 400), ("/pool/A?wait=1&wait=2", 400),
        ("/pool/A?wait=%zz", 400), ("/pool/A?ttl=0", 400), ("/pool/A?ttl=999ms", 400), ("/pool/A?idle=x", 400),
        ("/pool/A?keep=2h", 400), ("/pool/A?log=all", 400), ("/pool/A?log=", 400),
        ("/pool/A?waiter=a:b", 400), ("/pool/A?keep=-1", 400), ("/pool/A?park=websockets", 400),
        ("/pool/A?label=B", 400),
        ("/pool/A?browser=a%7Cb", 400), ("/pool/", 404), ("/pool//x", 404), ("/pool/a%2Fb", 400), ("/pool/a%7Cb", 400),
        ("/pool/A/\\..\\json", 400), ("/pool/A/x%5c..%5Cjson", 400), ("/pool/A/../json", 400),
        ("/pool/A/%2e%2E/x", 400), ("/pool/A/x%2f..", 400), ("/pool/A/%zz", 400),
        ("/pool", 404), ("/cdp/", 404), ("/session/x", 404), ("/sessions/x", 404), ("/json/protocol", 404),
        ("/devtools/browser", 404), ("/devtools/browser/", 404), ("/devtools/browser/a/b", 404),
        ("/v1/sessions", 400), ("/v1", 404), ("/x", 404),
    ])
    func refusesTargets(_ target: String, _ status: Int) {
        #expect(refusal(handshake(target))?.status == status)
    }

    @Test func refusesWhatIsNoHandshake() {
        let plain = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        #expect(refusal(plain)?.code == .upgradeRequired)
        for (from, to) in [
            ("Upgrade: websocket", "Upgrade: h2c"), ("Connection: Upgrade", "Connection: close"),
            ("Version: 13", "Version: 8"), ("dGhlIHNhbXBsZSBub25jZQ==", "short"), ("Key: ", "Kex: "),
        ] {
            #expect(refusal(replace(handshake("/pool/A"), from, to))?.status == 426, "\(to)")
        }
        let post = refusal(replace(handshake("/pool/A"), "GET", "POST"))
        #expect(post?.status == 405)
        #expect(post?.headers == ["Allow: GET"])
    }

    private func replace(_ text: String, _ from: String, _ to: String) -> String {
        var text = text
        if let range = text.firstRange(of: from) { text.replaceSubrange(range, with: to) }
        return text
    }

    /// What balancers ask is answered without key, Host and slot; while the gateway drains they are told to stay away.
    @Test(arguments: [
        "OPTIONS / HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n\r\n",
    ])
    func answersChecksOfBalancers(_ text: String) throws {
        var admission = Admission(
            tenancy: Tenancy(tenants: [Tenant(name: "acme", keyHashes: ["x"], limits: .default)]),
            defaultBrowser: "chromium")
        for status in ["204 No Content", "503 Service Unavailable"] {
            guard case .respond(let bytes) = try admission.read(RequestReader.Request(head: try head(text))) else {
                Issue.record("not answered")
                return
            }
            let answer = String(decoding: bytes, as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n"))
            #expect(answer.hasSuffix("\r\nConnection: close\r\n\r\n"))
            #expect(!answer.contains("Content-"))
            admission.isDraining = true
        }
    }

    /// Each text that a client sends has a length beyond which it is refused.
    @Test(arguments: [
        ("token", 512), ("run", 128), ("waiter", 64), ("label", 64), ("browser", 64), ("wait", 9), ("priority", 9),
        ("ttl", 9), ("idle", 9),
    ])
    func boundsEachOption(_ name: String, _ most: Int) {
        let isTime = ["wait", "priority", "ttl", "idle"].contains(name)
        func status(_ count: Int) -> Int? {
            let value = isTime ? String(repeating: "0", count: count - 1) + "1" : String(repeating: "a", count: count)
            return refusal(handshake("/pool/*?\(name)=\(value)"))?.status ?? 101
        }
        if name != "label" { #expect(status(most) == 101) }
        #expect(status(most + 1) == 400)
    }

    @Test(arguments: [
        ("Authorization", 1_024), ("Host", 255), ("x-berth-tenant", 64), ("x-run-id", 128),
        ("Sec-WebSocket-Key", 24), ("Content-Length", 15),
    ])
    func boundsEachHeader(_ name: String, _ most: Int) {
        let open = Tenancy(tenants: [], allowsForeignHosts: true)
        func code(_ count: Int) -> RefusalCode? {
            var value = String(repeating: name == "Content-Length" ? "0" : "a", count: count)
            if name == "Authorization" { value = "Bearer " + value.dropFirst("Bearer ".count) }
            var text = handshake("/pool/*")
            for line in text.split(separator: "\r\n") where line.hasPrefix("\(name): ") {
                text = text.replacing(String(line) + "\r\n", with: "")
            }
            text = text.replacing(" HTTP/1.1\r\n", with: " HTTP/1.1\r\n\(name): \(value)\r\n")
            return refusal(text, open)?.code
        }
        if name != "Content-Length" { #expect(name == "Sec-WebSocket-Key" || code(most) == nil) }
        #expect(code(most + 1) == (name == "Sec-WebSocket-Key" ? .upgradeRequired : .badRequest))
    }

    @Test func refusesBytesBehindTheHead() throws {
        let admission = Admission(tenancy: openTenancy, defaultBrowser: "chromium")
        #expect(throws: Refusal.bytesBehindHead) {
            _ = try admission.read(RequestReader.Request(head: try head(playwright()), leftover: 1))
        }
    }

    @Test(arguments: ["/json", "/json/", "/json/version", "/json/version/"])
    func answersDiscovery(_ path: String) throws {
        var admission = Admission(tenancy: openTenancy, defaultBrowser: "chromium")
        admission.directory = PoolDirectory([])
        let text = "GET \(path)?token=a&b=%22 HTTP/1.1\r\nHost: localhost:81\r\n\r\n"
        guard case .respond(let bytes) = try admission.read(RequestReader.Request(head: try head(text))) else {
            Issue.record("not answered")
            return
        }
        let answer = String(decoding: bytes, as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(answer.contains("\r\nCache-Control: no-store\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n{\"wsEndpointPath\":\"/\"}"))
    }

    @Test func discoveryPointsAtCDPOnlyWhereAPoolServesIt() throws {
        var admission = Admission(tenancy: openTenancy, defaultBrowser: "chromium")
        func body(_ path: String, _ line: String = "x: y", isHTTPS: Bool = false) throws -> String {
            let text = "GET \(path) HTTP/1.1\r\nHost: localhost:81\r\n\(line)\r\n\r\n"
            var head = try head(text)
            head.isHTTPS = isHTTPS
            guard case .respond(let bytes) = try admission.read(RequestReader.Request(head: head)) else {
                throw Incomplete()
            }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").last.map(String.init) ?? ""
        }
        #expect(try body("/json/list") == "[]")
        #expect(try body("/json").contains("webSocketDebuggerUrl"), "the pools are not known yet")
        admission.directory = PoolDirectory([Pool("a|chromium|1.65|playwright")!])
        #expect(try body("/json/version") == "{\"wsEndpointPath\":\"/\"}")
        admission.directory = PoolDirectory([Pool("a|chromium||cdp")!])
        let address = "\"webSocketDebuggerUrl\":\"ws://localhost:81/cdp?token=a\\u0026b=1\""
        #expect(try body("/json/version/?token=a&b=1").contains(address))
        #expect(try body("/json").contains("\"webSocketDebuggerUrl\":\"ws://localhost:81/cdp\""))
        #expect(try body("/json", isHTTPS: true).contains("\"wss://localhost:81/cdp\""))
        #expect(try body("/json", "X-Forwarded-Proto: https").contains("\"ws://localhost:81/cdp\""))
    }

    @Test(arguments: [
        ("User-Agent: Playwright/1.65.1 x", "/pool/A", ClientKind.cdp, 25_000),
        ("User-Agent: Grafana k6/1.1.0", "/pool/A", .k6, 55_000),
        ("User-Agent: Python/3.11 websockets/12.0", "/pool/A", .pythonWebsockets, 8_000),
        ("User-Agent: browser-use/0.13.14", "/", .pythonWebsockets, 8_000),
        ("User-Agent: Playwright/1.65.1 x\r\nx-playwright-proxy:", "/pool/A", .playwright, 120_000),
        ("User-Agent: Mozilla/5.0 (X11; rv:140.0) Gecko/20100101 Firefox/140.0", "/pool/A", .firefoxPage, 15_000),
        ("User-Agent: node", "/pool/A", .other, 120_000),
    ])
    func suitsTheWaitToTheClient(_ agent: String, _ path: String, _ kind: ClientKind, _ wait: Int) throws {
        let request = try admit(handshake(path, [agent]))
        #expect(request.kind == kind)
        #expect(request.waitMilliseconds == wait)
    }

    @Test(arguments: [
        ("Playwright/1.65.1 (x64)", "1.65"), ("Playwright/1.65", "1.65"), ("Playwright/1.66.0-next", "1.66"),
        ("Playwright/1", nil), ("Playwright/a.b", nil), ("Mozilla/5.0 Playwright/1.65", nil), ("Playwright/1.", nil),
    ])
    func readsPlaywrightVersions(_ agent: String, _ version: String?) {
        #expect(playwrightVersion(userAgent: agent) == version)
    }
}
