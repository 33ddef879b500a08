import Testing

@testable import WorkerCore

extension SidecarEndpoint {
    /// The endpoint that a line names, if it names a usable one.
    static func reads(_ line: String) -> SidecarEndpoint? {
        guard case .listens(let endpoint) = read(line) else { return nil }
        return endpoint
    }
}

@Suite struct SidecarEndpointTests {
    @Test(arguments: [
        ("ws://127.0.0.1:41234/abc", "127.0.0.1", 41234, "/abc"),
        ("ws://127.0.0.1:1/ \r\n", "127.0.0.1", 1, "/"),
        ("ws://localhost:65535", "127.0.0.1", 65535, ""),
        ("ws://[::1]:80/a/b~!%20", "::1", 80, "/a/b~!%20"),
        ("ws://127.255.3.4:8080/x:y", "127.255.3.4", 8080, "/x:y"),
        ("ws://127.0.0.1:80/a.)", "127.0.0.1", 80, "/a.)"),
    ])
    func readsAnEndpoint(line: String, host: String, port: Int, path: String) throws {
        let endpoint = try #require(SidecarEndpoint.reads(line))
        #expect((endpoint.host, endpoint.port, endpoint.path) == (host, port, path))
    }

    @Test(arguments: [
        (
            "DevTools listening on ws://127.0.0.1:9222/devtools/browser/0f-1",
            "ws://127.0.0.1:9222/devtools/browser/0f-1"
        ),
        ("Listening on ws://127.0.0.1:43117/", "ws://127.0.0.1:43117/"),
        ("LISTENING: ws://localhost:1", "ws://127.0.0.1:1"),
        ("see ws://127.0.0.1:9222/, or the manual.", "ws://127.0.0.1:9222/"),
        ("{\"wsEndpoint\":\"ws://127.0.0.1:5/a\",\"pid\":1}", "ws://127.0.0.1:5/a"),
        ("(ws://[::1]:7/x)", "ws://[::1]:7/x"), ("<ws://127.0.0.1:5/>", "ws://127.0.0.1:5/"),
        ("\u{1B}[32mready\u{1B}[0m at ws://127.0.0.1:5/x\u{1B}[0m", "ws://127.0.0.1:5/x"),
        ("wss://127.0.0.1:4/ and ws://127.0.0.1:5/", "ws://127.0.0.1:5/"),
        ("ws://0.0.0.0:4/ ws://127.0.0.1:5/", "ws://127.0.0.1:5/"),
        ("\u{FFFD}ws:// ws://127.0.0.1:5/", "ws://127.0.0.1:5/"),
    ])
    func readsOneInASentence(line: String, url: String) {
        #expect(SidecarEndpoint.reads(line)?.description == url)
    }

    @Test(arguments: [
        "", "http://127.0.0.1:80/", "WS://127.0.0.1:80/", "xws://127.0.0.1:80/", "a-ws://127.0.0.1:80/",
        "ws:/127.0.0.1:80/",
        "news and views", "w", "listening on port 80", "\0\0\0",
        "ws://127.0.0.1:80/" + String(repeating: "x", count: 2_031),
    ])
    func saysNothing(line: String) {
        #expect(SidecarEndpoint.read(line) == .nothing)
    }

    @Test(arguments: [
        "ws://", "ws:///x", "ws://127.0.0.1", "ws://127.0.0.1:/x", "ws://127.0.0.1:0/x", "ws://127.0.0.1:65536/",
        "ws://127.0.0.1:000001/", "ws://127.0.0.1:+1/", "ws://127.0.0.1:80/a?b", "ws://127.0.0.1:80/a#b",
        "ws://127.0.0.1:80/\u{e9}", "ws://10.0.0.1:80/", "ws://0.0.0.0:80/", "ws://127.0.0.1.evil:80/",
        "ws://127.0.0.256:80/", "ws://127.0.1:80/", "ws://user@127.0.0.1:80/", "ws://[::2]:80/", "ws://::1:80/",
        "Listening on ws://0.0.0.0:80/", "at ws://example.org:80/x and ws://10.0.0.1:1/",
    ])
    func refusesInWords(line: String) {
        guard case .unusable(let words) = SidecarEndpoint.read(line) else {
            Issue.record("\(SidecarEndpoint.read(line))")
            return
        }
        #expect(words.contains("is not served: a sidecar prints ws://<loopback address>:<port>/<path>"))
    }

    @Test(arguments: ["wss://127.0.0.1:80/", "Listening on wss://localhost:80/x", "wss://example.org"])
    func refusesTLSInWords(line: String) {
        guard case .unusable(let words) = SidecarEndpoint.read(line) else {
            Issue.record("\(SidecarEndpoint.read(line))")
            return
        }
        #expect(words.contains("without TLS"))
    }

    @Test func theLongestLineAndAMessageOfBoundedLength() {
        #expect(SidecarEndpoint.reads("ws://127.0.0.1:80/" + String(repeating: "x", count: 2_030)) != nil)
        guard case .unusable(let words) = SidecarEndpoint.read("ws://" + String(repeating: "x", count: 2_043)) else {
            Issue.record("no words")
            return
        }
        #expect(words.utf8.count < 300)
    }
}
