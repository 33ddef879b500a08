import HTTPCore
import Testing

@testable import AdminCore

@Suite struct AdminAccessTests {
    /// The verdict on a request as a listener with or without a token gives it.
    private func verdict(
        _ line: String, _ headers: [String] = [], token: String = "", host: String = "127.0.0.1:9090"
    ) throws -> AdminRefusal? {
        let text = ([line + " HTTP/1.1", "Host: \(host)"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
        var reader = RequestReader()
        guard case .request(let request) = reader.feed(Array(text.utf8)) else {
            throw AdminRefusal(.badRequest, "no request")
        }
        do throws(AdminRefusal) {
            let (endpoint, _) = try AdminEndpoint.of(method: request.head.method, path: request.head.path)
            let presented = AdminAccess.token(of: request.head)
            try AdminAccess(hasToken: !token.isEmpty).check(
                request.head, endpoint, isToken: !token.isEmpty && presented == Array(token.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test func withoutATokenOnlyLoopbackHostsAreAnswered() throws {
        for host in ["127.0.0.1:9090", "localhost:9090", "[::1]:9090"] {
            #expect(try verdict("GET /metrics", host: host) == nil, "\(host)")
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:9090", "127.0.0.1.:9090"] {
            #expect(try verdict("GET /metrics", host: host)?.code == .forbidden, "\(host)")
            #expect(try verdict("GET /livez", host: host) == nil, "a kubelet probes the pod's address")
        }
    }

    @Test func withATokenEverythingButTheProbesNeedsIt() throws {
        let token = "0123456789abcdef"
        // YWRtaW46… is admin:<token>, Ong6… nothing of the kind.
        let basic = "Authorization: Basic YWRtaW46MDEyMzQ1Njc4OWFiY2RlZg=="
        for header in ["Authorization: Bearer \(token)", "authorization: bearer \(token)", basic] {
            #expect(try verdict("GET /", [header], token: token, host: "gw.example:9090") == nil, "\(header)")
        }
        for header in [
            "X-Other: x", "Authorization: Bearer ", "Authorization: Bearer 0123456789abcde", "Authorization: Basic !!!",
            "Authorization: Basic MDEyMzQ1Njc4OWFiY2RlZg==",
        ] {
            let refusal = try verdict("GET /metrics", [header], token: token)
            #expect(refusal?.code == .unauthorized, "\(header)")
            #expect(refusal?.headers == [AdminAccess.challenge])
        }
        for path in ["/livez", "/readyz"] { #expect(try verdict("GET \(path)", token: token) == nil) }
    }

    @Test func noPageOfAnotherOriginAsks() throws {
        #expect(try verdict("GET /events", ["Origin: http://127.0.0.1:9090"]) == nil)
        for origin in ["https://evil.example", "null", "http://127.0.0.1:8080", "http://localhost:9090"] {
            #expect(try verdict("GET /events", ["Origin: \(origin)"])?.code == .forbidden, "\(origin)")
        }
    }

    @Test func aChangeNeedsAHeaderThatNoPageSendsUnasked() throws {
        for line in ["POST /api/v1/workers/w/drain", "DELETE /api/v1/tenants/a"] {
            #expect(try verdict(line)?.code == .forbidden)
            #expect(try verdict(line, ["X-Berth-Admin: 1"]) == nil)
        }
        #expect(try verdict("GET /api/v1/workers/w/drain", ["X-Berth-Admin: 1"])?.status == 405)
        #expect(try verdict("GET /api/v2/x")?.code == .notFound)
    }

    @Test func namesInPathsAreDecodedOnce() throws {
        let (endpoint, name) = try AdminEndpoint.of(
            method: "POST", path: "/api/v1/pools/AppA%3Ax%7Cchromium%7C%7Craw/pause")
        #expect(endpoint.service == .change(.pause) && name == "AppA:x|chromium||raw")
        #expect(try AdminEndpoint.of(method: "DELETE", path: "/api/v1/waiters/%2541").name == "%41")
        #expect(throws: AdminRefusal.self) { try AdminEndpoint.of(method: "DELETE", path: "/api/v1/waiters/%4") }
        #expect(throws: AdminRefusal.self) { try AdminEndpoint.of(method: "DELETE", path: "/api/v1/waiters/") }
        #expect(try AdminEndpoint.of(method: "HEAD", path: "/metrics").0.service == .metrics)
    }

    @Test func parametersAreChecked() throws {
        #expect(try AdminQuery("pool=a%7Cb", for: .view(.scale)).pool == "a|b")
        #expect(try AdminQuery("limit=10000", for: .view(.waiters)).limit == 10_000)
        for (query, service) in [
            ("limit=0", .waiters), ("limit=10001", .waiters), ("limit=x", .waiters), ("pool=x", .pools),
            ("x=1", .scale),
        ] as [(String, AdminEndpoint.View)] {
            #expect(throws: AdminRefusal.self, "\(query)") { try AdminQuery(query, for: .view(service)) }
        }
        #expect(throws: AdminRefusal.self) { try AdminQuery("token=x", for: .metrics) }
    }
}
