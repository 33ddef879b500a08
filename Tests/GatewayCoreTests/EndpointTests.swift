import HTTPCore
import QueueCore
import Testing

@testable import GatewayCore

@Suite struct EndpointTests {
    @Test(arguments: [
        ("/", "/", nil, "/"), ("/json", "/json", nil, "/"), ("/json/", "/json", nil, "/"),
        ("/json/version", "/json", nil, "/"), ("/json/version/", "/json", nil, "/"),
        ("/pool/A", "/pool/<label>", "A", "/"), ("/pool/A/", "/pool/<label>", "A", "/"),
        ("/pool/A%3AB/x/y/", "/pool/<label>", "A%3AB", "/x/y/"), ("/sessions/a.1", "/sessions/<id>", "a.1", "/"),
        ("/json/list", "/json/list", nil, "/"), ("/cdp", "/cdp", nil, "/"),
        ("/devtools/browser/a-1", "/cdp", "a-1", "/"), ("/session", "/session", nil, "/"),
    ])
    func findsEachPath(_ path: String, _ first: String, _ label: String?, _ rest: String) throws {
        let (endpoint, parts) = try #require(Endpoint.serving(path).first { $0.endpoint.method == "GET" })
        #expect(endpoint.paths[0].text == first)
        #expect(parts == PathPattern.Parts(name: label, rest: rest))
    }

    @Test(arguments: [
        "", "//", "/x", "/pool", "/pool/", "/pool//x", "/Pool/A", "/sessions/a/b", "/v1", "/v1/runs", "/json/x",
        "/json//", "/cdp/", "/session/x", "/pools/A",
    ])
    func findsNothingElse(_ path: String) {
        #expect(Endpoint.serving(path).isEmpty)
    }

    @Test func knowsTheChecksOfBalancers() {
        for (method, path) in [("HEAD", "/"), ("OPTIONS", "/"), ("OPTIONS", "*")] {
            #expect(RequestHead.isCheck(method: method, path: path))
        }
        for (method, path) in [("GET", "/"), ("HEAD", "*"), ("HEAD", "/json"), ("OPTIONS", "/pool/A"), ("head", "/")] {
            #expect(!RequestHead.isCheck(method: method, path: path))
        }
    }

    @Test func namesThePathsToConnectTo() {
        #expect(
            refusal(handshake("/x"))?.message
                == "Nothing is served on this path; the paths are / (Playwright, CDP), /cdp (CDP), "
                + "/session (WebDriver BiDi) or /pool/<label> (any pool)")
        #expect(
            refusal("GET /pool/A HTTP/1.1\r\nHost: localhost\r\n\r\n")?.message.hasSuffix(
                "A balancer's check is HEAD / or OPTIONS /") == true)
    }

    /// A client that follows an answer must not find that nothing is served there.
    @Test func noAnswerNamesAPathThatIsNotServed() throws {
        let path = try Regex(#"(?:^|[\s"])(/[\w/<>]*)"#)
        var words = ["/x", "/", "/pool/A?label=B", "/pool/a|b"].compactMap { refusal(handshake($0))?.message }
        words += ["/cdp", "/session"].compactMap { refusal(playwright($0))?.message }
        words += ["GET", "POST"].compactMap { refusal("\($0) / HTTP/1.1\r\nHost: localhost\r\n\r\n")?.message }
        let asked = try head("GET /json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let discovery = Discovery.version(asked, PoolDirectory([Pool("a|chromium||cdp")!]))
        words.append(
            String(decoding: discovery, as: UTF8.self).replacing("HTTP/1.1", with: "").replacing(
                "ws://localhost", with: ""))
        let named = words.flatMap { text in text.matches(of: path).map { String($0.output[1].substring!) } }
        #expect(named.contains("/") && named.contains("/pool/<label>"))
        for path in Set(named) { #expect(!Endpoint.serving(path).isEmpty, "\(path) is not served") }
    }
}
