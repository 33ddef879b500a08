import Testing

@testable import GatewayCore

@Suite struct ForwardedHeadTests {
    private func forwarded(_ target: String, _ lines: [String]) throws -> [String] {
        let bytes = try admit(playwright(target, lines)).head.composed(session: "lease")
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasSuffix("\r\n\r\n"))
        return text.split(separator: "\r\n").map(String.init)
    }

    @Test func keepsWhatSidecarsRead() throws {
        let lines = try forwarded(
            "/?launch%2Doptions=evil&a=b&token=x&c=d%26&wait=3&Launch-Options=evil&e=f;launch-options=evil",
            ["Sec-WebSocket-Extensions: permessage-deflate", "traceparent: 00-a-b-01", "X-Name: caf\u{e9}"])
        #expect(lines.first == "GET /?a=b&c=d%26 HTTP/1.1")
        for line in [
            playwrightAgent, "x-playwright-browser: chromium", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Extensions: permessage-deflate", "traceparent: 00-a-b-01",
            "Connection: Upgrade", "Upgrade: websocket", "x-forwarded-for: 192.0.2.7", "x-berth-session: lease",
            "X-Name: caf\u{e9}",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    @Test(arguments: [
        "Authorization: Bearer a", "Proxy-Authorization: Basic a", "Cookie: a=b", "x-berth-session: mine",
        "x_berth_session: mine", "X-Berth-Token: a", "x-berth-tenant: t", "x-forwarded-for: 10.0.0.1",
        "X_Forwarded_For: 10.0.0.1", "x-forwarded-host: h", "Forwarded: for=10.0.0.1", "x-real-ip: 10.0.0.1",
        "x-playwright-launch-options: {}", "Keep-Alive: timeout=5", "TE: trailers", "Content-Length: 0",
        "Expect: 100-continue", "x-run-id: 7", "Proxy-Connection: keep-alive", "HTTP2-Settings: a", "Trailer: X",
    ])
    func takesOut(_ line: String) throws {
        let name = line.prefix { $0 != ":" }.lowercased()
        let value = String(line.dropFirst(name.count + 2))
        for kept in try forwarded("/", [line]) where kept.lowercased().hasPrefix(name + ":") {
            // Some are set anew, never with the client's value.
            #expect(["x-forwarded-for", "x-berth-session"].contains(name))
            #expect(!kept.hasSuffix(value))
        }
    }

    /// A worker's protocol log needs them. A client's own header of that name is none of them.
    @Test func tellsTheWorkerTheRunAndWhetherALogIsAskedFor() throws {
        func told(_ target: String, _ lines: [String] = []) throws -> [String] {
            try forwarded(target, lines).filter { $0.hasPrefix("x-berth-run") || $0.hasPrefix("x-berth-log") }
        }
        #expect(try told("/?run=ci-7&log=protocol") == ["x-berth-run: ci-7", "x-berth-log: protocol"])
        #expect(
            try told("/", ["x-berth-log: protocol", "x-run-id: 9"]) == ["x-berth-run: 9", "x-berth-log: protocol"])
        #expect(try told("/") == [])
    }

    @Test func takesOutHostOriginAndWhatConnectionNames() throws {
        let tenancy = Tenancy(tenants: [], allowedOrigins: ["*"])
        let text = handshake("/", [playwrightAgent, "Origin: http://a", "Connection: X-Hop", "X-Hop: a"])
        let bytes = try admit(text, tenancy).head.composed(session: "s")
        let lines = String(decoding: bytes, as: UTF8.self).lowercased()
        for name in ["host", "origin", "x-hop"] { #expect(!lines.contains("\r\n\(name):"), "\(name)") }
        #expect(lines.components(of: "\r\nconnection:") == 1)
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
